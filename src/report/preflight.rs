//! What a look before a run has found: what ends it first, then what is doubtful, then notes.

use console::Term;

use super::clean;
use super::human::width;
use super::paint::Paint;
use super::text::wrapped;
use crate::preflight::{Finding, Weight};

/// How findings are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// In colour or not.
    pub paint: Paint,
    /// The columns of the terminal; lines are not broken where there is none.
    pub width: Option<usize>,
}

impl Look {
    /// For standard error.
    pub fn stderr() -> Self {
        Self { paint: Paint::stderr(), width: width(&Term::stderr()) }
    }
}

/// Draws findings, each with what to do.
pub fn findings<'f>(findings: impl IntoIterator<Item = &'f Finding>, look: Look) -> String {
    findings.into_iter().map(|finding| one(finding, look)).collect()
}

fn one(finding: &Finding, Look { paint, width }: Look) -> String {
    let title = clean(&finding.title);
    let gap = if finding.weight == Weight::Note { "" } else { "\n" };
    let head = match finding.weight {
        Weight::Certain => format!("{} {}", paint.red("✗"), paint.bold(title)),
        Weight::Doubtful => format!("{} {}", paint.yellow("warning:"), paint.bold(title)),
        Weight::Note => format!("{} {title}", paint.cyan("note:")),
    };
    let mut text = gap.to_owned() + &wrapped(&head, "", "  ", width);
    text.push_str(&wrapped(&clean(&finding.explanation), "  ", "  ", width));
    for remedy in &finding.remedies {
        let arrow = format!("  {} ", paint.cyan("→"));
        text.push_str(&wrapped(&clean(remedy), &arrow, "    ", width));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Check;

    #[test]
    fn a_finding_fits_into_a_narrow_terminal() {
        let title = "eu-west-1 has no room for another VPC";
        let explanation = "5 of 5 VPCs are in use there, and this plan needs 1 more.";
        let finding = Finding::new(Weight::Certain, Check::Quota, title, explanation)
            .remedy("remove one; `aws ec2 describe-vpcs` lists them");
        let look = Look { paint: Paint::Plain, width: Some(32) };
        assert_eq!(
            findings([&finding], look),
            "\n✗ eu-west-1 has no room for\n  another VPC\n  5 of 5 VPCs are in use there,\n  \
             and this plan needs 1 more.\n  → remove one;\n    `aws ec2 describe-vpcs`\n    \
             lists them\n"
        );
    }
}
