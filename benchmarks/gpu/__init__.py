"""What `gpu_check.py` measures, part by part. Each job runs in a process of its own."""
