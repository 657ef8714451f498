//! The tests that other people's code takes part in: boto3 as a parser, botocore's models of AWS's
//! services as a judge of what is sent, others' readers of what a check for drift prints, moto as an
//! AWS, and the sample service under uvicorn.
//!
//! They need Python with `tests/python/requirements.txt` installed, and are ignored without being
//! asked for: `.ci/run` makes a virtual environment, names its interpreter in `PROVISION_PYTHON`,
//! and runs them with `cargo test --test python -- --ignored`.

use std::process::Command;

/// Runs pytest on what lies under `path`, which must pass.
fn pytest(path: &str) {
    let python = std::env::var_os("PROVISION_PYTHON").unwrap_or_else(|| "python3".into());
    let status = Command::new(python)
        .args(["-m", "pytest", "-q", path])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PROVISION_BIN", env!("CARGO_BIN_EXE_provision"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status()
        .expect("python can be started");
    assert!(status.success(), "pytest {path}: {status}");
}

#[test]
#[ignore = "needs Python: run by .ci/run"]
fn boto3_reads_what_the_simulated_aws_writes() {
    pytest("tests/python/test_boto3_life.py");
}

#[test]
#[ignore = "needs Python: run by .ci/run"]
fn what_is_sent_fits_the_models_of_aws() {
    pytest("tests/python/test_requests.py");
}

#[test]
#[ignore = "needs Python: run by .ci/run"]
fn what_a_check_finds_is_read_by_others() {
    pytest("tests/python/test_drift_formats.py");
}

#[test]
#[ignore = "needs Python: run by .ci/run"]
fn a_stack_lives_and_dies_in_moto() {
    pytest("tests/python/test_moto.py");
}

#[test]
#[ignore = "needs Python: run by .ci/run"]
fn the_sample_service_answers() {
    pytest("examples/simple-time-service");
}

#[test]
#[ignore = "needs Python: run by .ci/run"]
fn what_is_scheduled_elsewhere_is_what_others_take() {
    pytest("tests/python/test_schedules.py");
}
