"""The control process: fixed rate, NumPy only, one read and one write a step."""
