//! The sizes that Fargate has for tasks (the table in "Task definition parameters" of the ECS
//! developer guide).

/// The CPU units that a task can have.
pub const CPU: [u32; 7] = [256, 512, 1024, 2048, 4096, 8192, 16384];

/// The amounts of memory, in MiB and ascending, that a task of so many CPU units can have; none
/// for a number of units that Fargate does not have.
pub fn memory(cpu: u32) -> Vec<u32> {
    let gib =
        |from: u32, to: u32, step: usize| (from..=to).step_by(step).map(|g| g * 1024).collect();
    match cpu {
        256 => vec![512, 1024, 2048],
        512 => gib(1, 4, 1),
        1024 => gib(2, 8, 1),
        2048 => gib(4, 16, 1),
        4096 => gib(8, 30, 1),
        8192 => gib(16, 60, 4),
        16384 => gib(32, 120, 8),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_memory() {
        let ranges = CPU.map(|cpu| (memory(cpu)[0], *memory(cpu).last().unwrap()));
        let gib = 1024;
        assert_eq!(ranges[0], (512, 2 * gib));
        assert_eq!(ranges[4], (8 * gib, 30 * gib));
        assert_eq!(ranges[6], (32 * gib, 120 * gib));
        assert_eq!(memory(300), Vec::<u32>::new());
    }
}
