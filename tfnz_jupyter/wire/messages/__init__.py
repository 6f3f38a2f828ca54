"""Every message there is, one frozen class each, a file a noun.

Three levels. *Packets* make and keep a session. A ``Data`` packet carries one *message* in its numbered place. A ``Call``
carries one *verb*: what a program may ask of a location. Bulk bytes (``Chunk``) ride behind the packet as a frame of their
own, uncopied.

Whatever a program names (containers, processes, tunnels, streams) it names itself, so that nothing has to wait for an
answer before the next thing can be said.
"""

from .accounts import Accounts as Accounts
from .accounts import AccountState as AccountState
from .accounts import Invite as Invite
from .accounts import Invited as Invited
from .accounts import Join as Join
from .accounts import Joined as Joined
from .accounts import ListAccounts as ListAccounts
from .accounts import Revoke as Revoke
from .again import Fed as Fed
from .again import FeedAgain as FeedAgain
from .again import FollowAgain as FollowAgain
from .base import Done as Done
from .containers import ContainerChanged as ContainerChanged
from .containers import Destroy as Destroy
from .containers import FollowLog as FollowLog
from .containers import Reboot as Reboot
from .containers import Spawn as Spawn
from .containers import Start as Start
from .endpoints import AskAuthority as AskAuthority
from .endpoints import Authority as Authority
from .endpoints import ChangeCluster as ChangeCluster
from .endpoints import EndpointsChanged as EndpointsChanged
from .endpoints import Publish as Publish
from .endpoints import Published as Published
from .endpoints import Site as Site
from .endpoints import Tls as Tls
from .endpoints import Unpublish as Unpublish
from .externals import Attach as Attach
from .externals import ExternalOffered as ExternalOffered
from .files import FetchFiles as FetchFiles
from .files import FileState as FileState
from .files import ListFiles as ListFiles
from .files import LookAtFile as LookAtFile
from .files import PutFiles as PutFiles
from .images import BuildImage as BuildImage
from .images import EnsureImage as EnsureImage
from .images import FindImage as FindImage
from .images import ImageReady as ImageReady
from .images import Images as Images
from .images import ListImages as ListImages
from .images import PutImage as PutImage
from .images import RemoveImage as RemoveImage
from .network import AllowConnection as AllowConnection
from .network import DisallowConnection as DisallowConnection
from .nodes import EngineLacks as EngineLacks
from .nodes import NodesChanged as NodesChanged
from .nodes import NodeState as NodeState
from .nodes import Offered as Offered
from .packets import WIRE_VERSION as WIRE_VERSION
from .packets import Beat as Beat
from .packets import Data as Data
from .packets import Farewell as Farewell
from .packets import Hello as Hello
from .packets import Packet as Packet
from .packets import Welcome as Welcome
from .processes import EndProcess as EndProcess
from .processes import Execute as Execute
from .processes import ProcessEnded as ProcessEnded
from .processes import Resize as Resize
from .processes import Signal as Signal
from .ssh import OpenSsh as OpenSsh
from .streams import Chunk as Chunk
from .streams import Credit as Credit
from .streams import End as End
from .streams import Skipped as Skipped
from .talk import Call as Call
from .talk import Cancel as Cancel
from .talk import Failed as Failed
from .talk import Message as Message
from .talk import Progressed as Progressed
from .talk import Result as Result
from .tunnels import CloseTunnel as CloseTunnel
from .tunnels import Dial as Dial
from .tunnels import Listening as Listening
from .tunnels import OpenTunnel as OpenTunnel
from .unions import Value as Value
from .unions import Verb as Verb
from .usage import UsageChanged as UsageChanged
from .volumes import CreateVolume as CreateVolume
from .volumes import DestroyVolume as DestroyVolume
from .volumes import RollBackVolume as RollBackVolume
from .volumes import SnapshotVolume as SnapshotVolume
from .volumes import VolumeGone as VolumeGone
from .volumes import VolumeOffered as VolumeOffered
from .waits import WaitHttp as WaitHttp
from .waits import WaitTcp as WaitTcp
