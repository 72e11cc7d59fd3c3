"""The drill: a bank of interview cards, a matcher that reads answers, a schedule, and the learner's own record."""
