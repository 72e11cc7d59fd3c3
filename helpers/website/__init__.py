"""The course as static pages, and what moves on them without a kernel."""
