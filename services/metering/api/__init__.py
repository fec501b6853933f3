"""The servicer of metering, by theme: messages to use cases and back, nothing else."""
