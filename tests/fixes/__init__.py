"""Every error that a user can meet, and what its fix says, followed.

`rows` says what a row of a table is. The other modules are the tables, by rooms of the package.
`test_fixes` runs them, and fails if an error in the source has a fix that is in none of them.
"""
