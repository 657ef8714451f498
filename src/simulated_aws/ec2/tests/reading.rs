//! Ids, filters, pages, tags: what all reads have in common.

use super::*;

#[test]
fn one_missing_id_fails_the_whole_read() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    let form = format!("VpcId.1={vpc}&VpcId.2=vpc-0a");
    assert_eq!(refusal(&mut cloud, "DescribeVpcs", &form), "InvalidVpcID.NotFound");
    assert_eq!(refusal(&mut cloud, "DescribeVpcs", "VpcId.1=x"), "InvalidVpcID.Malformed");
}

#[test]
fn a_filter_that_matches_nothing_gives_an_empty_set_and_an_unknown_one_an_error() {
    let mut cloud = empty();
    vpc(&mut cloud);
    let none = "Filter.1.Name=tag:owner&Filter.1.Value.1=us";
    assert_eq!(get(&mut cloud, "DescribeVpcs", none)["vpcSet"], serde_json::json!([]));
    let unknown = "Filter.1.Name=colour&Filter.1.Value.1=red";
    assert_eq!(refusal(&mut cloud, "DescribeVpcs", unknown), "InvalidParameterValue");
}

#[test]
fn all_filters_must_hold_each_by_any_of_its_values() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    let first = subnet(&mut cloud, &vpc, "10.0.0.0/24");
    subnet(&mut cloud, &vpc, "10.0.1.0/24");
    let form = format!(
        "Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}&Filter.2.Name=cidr-block\
         &Filter.2.Value.1=10.0.0.*&Filter.2.Value.2=10.9.0.0/24"
    );
    let found = get(&mut cloud, "DescribeSubnets", &form)["subnetSet"].take();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(text(&found[0]["subnetId"]), first);
}

#[test]
fn pages_together_show_everything_once() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    for third in 0..12 {
        subnet(&mut cloud, &vpc, &format!("10.0.{third}.0/24"));
    }
    let mut seen = Vec::new();
    let mut form = "MaxResults=5".to_owned();
    loop {
        let page = get(&mut cloud, "DescribeSubnets", &form);
        let subnets = page["subnetSet"].as_array().unwrap();
        assert!(subnets.len() <= 5);
        seen.extend(subnets.iter().map(|subnet| text(&subnet["subnetId"])));
        let Some(token) = page["nextToken"].as_str() else { break };
        form = format!("MaxResults=5&NextToken={token}");
    }
    assert_eq!(seen, cloud.ec2.subnets.keys().cloned().collect::<Vec<_>>());
    for form in ["MaxResults=4", "MaxResults=1001", "NextToken=xyz"] {
        assert_eq!(refusal(&mut cloud, "DescribeSubnets", form), "InvalidParameterValue");
    }
    let too_many = "MaxResults=101";
    assert_eq!(refusal(&mut cloud, "DescribeRouteTables", too_many), "InvalidParameterValue");
}

#[test]
fn tags_come_and_go() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    let tag = format!(
        "ResourceId.1={vpc}&Tag.1.Key=owner&Tag.1.Value=us&Tag.2.Key=stage&Tag.2.Value=prod"
    );
    get(&mut cloud, "CreateTags", &tag);
    let by_key = "Filter.1.Name=tag-key&Filter.1.Value.1=own*";
    assert_eq!(text(&get(&mut cloud, "DescribeVpcs", by_key)["vpcSet"][0]["vpcId"]), vpc);
    get(&mut cloud, "DeleteTags", &format!("ResourceId.1={vpc}&Tag.1.Key=owner&Tag.1.Value=them"));
    get(&mut cloud, "DeleteTags", &format!("ResourceId.1={vpc}&Tag.1.Key=stage"));
    let left = get(&mut cloud, "DescribeTags", "")["tagSet"].take();
    assert_eq!(
        left,
        serde_json::json!([
            {"resourceId": vpc, "resourceType": "vpc", "key": "owner", "value": "us"},
        ])
    );
}

#[test]
fn bad_tags_are_refused_before_anything_is_made() {
    let mut cloud = empty();
    let specification = "CidrBlock=10.0.0.0/16&TagSpecification.1.ResourceType";
    for form in [
        format!("{specification}=vpc&TagSpecification.1.Tag.1.Key=aws:x"),
        format!("{specification}=subnet&TagSpecification.1.Tag.1.Key=x"),
        format!(
            "{specification}=vpc&TagSpecification.1.Tag.1.Key=x&TagSpecification.1.Tag.2.Key=x"
        ),
    ] {
        assert_eq!(refusal(&mut cloud, "CreateVpc", &form), "InvalidParameterValue", "{form}");
    }
    assert!(cloud.ec2.vpcs.is_empty());
    assert_eq!(
        refusal(&mut cloud, "CreateTags", "ResourceId.1=subnet-0a&Tag.1.Key=x"),
        "InvalidSubnetID.NotFound"
    );
}

#[test]
fn a_dry_run_changes_nothing() {
    let mut cloud = empty();
    let form = "CidrBlock=10.0.0.0/16&DryRun=true";
    assert_eq!(refusal(&mut cloud, "CreateVpc", form), "DryRunOperation");
    assert!(cloud.ec2.vpcs.is_empty());
    let form = "CidrBlock=nonsense&DryRun=true";
    assert_eq!(refusal(&mut cloud, "CreateVpc", form), "InvalidParameterValue");
}

#[test]
fn a_cloud_that_was_written_down_goes_on_as_it_was() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    nat(&mut cloud, &network.subnet);
    let written = serde_json::to_string(&cloud).unwrap();
    let mut read: Cloud = serde_json::from_str(&written).unwrap();
    wait(&mut cloud, 200);
    wait(&mut read, 200);
    assert_eq!(serde_json::to_string(&read).unwrap(), serde_json::to_string(&cloud).unwrap());
}

#[test]
fn zones_regions_and_attributes_are_told() {
    let mut cloud = empty();
    let zones = get(&mut cloud, "DescribeAvailabilityZones", "")["availabilityZoneInfo"].take();
    assert_eq!(zones.as_array().unwrap().len(), 3);
    assert_eq!(zones[1]["zoneName"], "eu-west-1b");
    let region = get(&mut cloud, "DescribeRegions", "RegionName.1=eu-west-1");
    assert_eq!(region["regionInfo"][0]["regionEndpoint"], "ec2.eu-west-1.amazonaws.com");
    let unknown = "RegionName.1=atlantis";
    assert_eq!(refusal(&mut cloud, "DescribeRegions", unknown), "InvalidParameterValue");
    let attribute = "AttributeName.1=default-vpc";
    let attribute = get(&mut cloud, "DescribeAccountAttributes", attribute);
    assert_eq!(
        attribute["accountAttributeSet"][0]["attributeValueSet"][0]["attributeValue"],
        "none"
    );
}
