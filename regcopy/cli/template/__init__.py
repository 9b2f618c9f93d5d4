"""Go's text templates, as far as people use them with `inspect --format`.

What is there: text, fields (`.Name`, `.Config.Env`), variables, pipes, `if`, `with`, `range`,
`break` and `continue`, comments, trimming markers, and the functions of `functions.py`.
What is not there, such as methods and named templates, is an error that says so.
"""
