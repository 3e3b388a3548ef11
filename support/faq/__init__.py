"""The FAQ: questions and answers that anybody may read and search (domain.md §10)."""
