"""Running tasks: `run(function, tasks, workers)` gives the results in the order of the tasks."""
