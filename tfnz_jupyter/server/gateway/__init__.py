"""Clusters of containers under names on the web: balanced, checked, on http and https.

``sites`` decides who has which name, ``config`` says it in Caddy's words (both pure), ``caddy`` runs it, ``doors`` lets
visitors in, ``ways`` lead on to containers where their addresses do not, ``gateway`` puts them together.
"""

from .gateway import Gateway as Gateway
from .sites import Web as Web
