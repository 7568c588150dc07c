"""Programs that speak the job protocol: `python -m trainers.sft JOB_DIR`, `python -m trainers.generate JOB_DIR`."""
