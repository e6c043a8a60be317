"""Running tasks in processes and threads: `run(function, tasks, workers)` gives results in task order."""
