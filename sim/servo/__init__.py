"""One virtual Dynamixel servo in memory: control table, rules, motion and motor; no I/O."""
