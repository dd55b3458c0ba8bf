"""Millstream from Python: a project's tables as Arrow or pandas, its assets and its runs.

The package carries the program and starts it. Queries need pyarrow, and `pandas` pandas too:
``pip install 'millstream[arrow]'`` or ``'millstream[pandas]'``.

>>> import millstream
>>> shop = millstream.Project("shop")
>>> [step["outcome"] for step in shop.run(select="+churn_risk")["steps"]]
>>> shop.query("select country, count(*) as customers from shop.customers group by country")
"""

from millstream._binary import find_binary
from millstream._errors import MillstreamError
from millstream._project import Project

__all__ = ["MillstreamError", "Project", "find_binary"]
