"""All verbs there are, and all answers."""

from __future__ import annotations

from .accounts import Accounts, Invite, Invited, Join, Joined, ListAccounts, Revoke
from .again import Fed, FeedAgain, FollowAgain
from .base import Done
from .containers import Destroy, FollowLog, Reboot, Spawn, Start
from .endpoints import AskAuthority, Authority, ChangeCluster, Publish, Published, Unpublish
from .externals import Attach
from .files import FetchFiles, FileState, ListFiles, LookAtFile, PutFiles
from .images import (
    BuildImage,
    EnsureImage,
    FindImage,
    ImageReady,
    Images,
    ListImages,
    PutImage,
    RemoveImage,
)
from .network import AllowConnection, DisallowConnection
from .processes import EndProcess, Execute, Resize, Signal
from .ssh import OpenSsh
from .tunnels import CloseTunnel, Dial, Listening, OpenTunnel
from .volumes import CreateVolume, DestroyVolume, RollBackVolume, SnapshotVolume
from .waits import WaitHttp, WaitTcp

Verb = (
    EnsureImage
    | FindImage
    | PutImage
    | ListImages
    | RemoveImage
    | BuildImage
    | Spawn
    | Destroy
    | Start
    | Reboot
    | FollowLog
    | Attach
    | FollowAgain
    | FeedAgain
    | Execute
    | Signal
    | EndProcess
    | Resize
    | PutFiles
    | FetchFiles
    | ListFiles
    | LookAtFile
    | CreateVolume
    | DestroyVolume
    | SnapshotVolume
    | RollBackVolume
    | AllowConnection
    | DisallowConnection
    | OpenTunnel
    | OpenSsh
    | CloseTunnel
    | Dial
    | WaitTcp
    | WaitHttp
    | Publish
    | ChangeCluster
    | Unpublish
    | AskAuthority
    | Invite
    | Join
    | ListAccounts
    | Revoke
)

Value = (
    Done
    | Fed
    | FileState
    | ImageReady
    | Images
    | Listening
    | Invited
    | Joined
    | Accounts
    | Published
    | Authority
)
