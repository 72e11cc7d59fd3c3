"""For instructors: learners' files run in a process of their own, and are judged outside it."""
