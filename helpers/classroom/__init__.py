"""A class's hand-ins: collected, repaired, marked outside the process that runs them, stored and reported."""
