"""Who this user is, on disk: key pairs, the accounts they are for, invitations to new ones, and their backup.

An account is a Curve25519 key pair for one location. It is made here and its secret never leaves this machine but in a
backup sealed with a passphrase. Files are 0600 in folders that are 0700.
"""

from .accounts import HERE as HERE
from .accounts import Account as Account
from .accounts import Keyring as Keyring
from .invitations import Invitation as Invitation
from .keys import KeyPair as KeyPair
from .keys import load_or_create as load_or_create
from .keys import make_keys as make_keys
from .keys import pair_of as pair_of
