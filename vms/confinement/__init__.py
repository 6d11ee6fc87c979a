"""What a process that reads untrusted bytes gives up for good: system calls (seccomp) and places to write to (Landlock)."""
