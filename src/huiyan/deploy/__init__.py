"""What other systems run huiyan from: units for systemd, values and a chart for Kubernetes.

Everything here turns values into text and text into files. What the values are is the command line's to find
out; nothing here reads settings or the environment.
"""
