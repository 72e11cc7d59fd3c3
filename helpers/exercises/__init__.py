"""What learners build: one module an exercise, with its probes, checks and hints.

The reference and the suspects (known wrong implementations) of a module lie in ``answers/`` under the same name.
"""
