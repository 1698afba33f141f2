"""Tables that people bring in: read, judged row by row, and carried out when somebody has agreed.

Judging writes nothing and is done anew before carrying out, so what is agreed to is judged by what holds then.
"""
