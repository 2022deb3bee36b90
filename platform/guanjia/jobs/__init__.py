"""Work that time brings about: kinds of jobs, the queue of each tenant, its state for people."""
