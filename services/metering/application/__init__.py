"""Use cases of metering: a command or a question in, plain data out. Each owns its transactions."""
