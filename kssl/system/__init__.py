"""The machine that kssl runs on: devices, files, memory, processes, environment."""
