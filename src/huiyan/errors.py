"""Every exception that huiyan raises on purpose.

    HuiyanError
    ├── RequestError                the client's request cannot be served as it is
    │   ├── InvalidJsonError            body is not JSON, or not of the route's shape
    │   ├── EmptyPromptError            nothing was asked
    │   ├── InvalidImageError           bytes are no picture, or a broken one
    │   ├── ImageTimeoutError           decoding took longer than a picture may take
    │   ├── ImageDecoderError           the file ended the process that decoded it
    │   ├── ImageUrlRefusedError        a URL that the gateway will not fetch
    │   ├── ImageFetchError             an allowed URL that gave no picture
    │   ├── ImageMissingError           a hash whose picture is not (or no longer) kept: send it again
    │   ├── InvalidFormError            a multipart form that is broken or says too little
    │   ├── ContextExceededError        prompt does not fit the model's context
    │   ├── AuthenticationError         no key where one is needed
    │   ├── ForbiddenError              Host, Origin or scope does not allow it
    │   ├── NotFoundError               no such route or object
    │   │   ├── ModelNotFoundError          no such model is being served
    │   │   └── ToolNotFoundError           no such tool is installed
    │   ├── MethodNotAllowedError       the route has other methods
    │   ├── ConflictError               an Idempotency-Key was used for another body
    │   ├── ModelBusyError              another model is being fetched
    │   ├── NoLauncherError             the gateway runs without the launcher that this needs
    │   ├── PayloadTooLargeError        bytes, pixels or pictures above a cap
    │   ├── UnsupportedMediaTypeError   a content type that no route reads
    │   ├── ToolArgumentsError          arguments that do not fit the tool's schema
    │   └── QueueFullError              over a limit: try again after `retry_after_s`
    │       ├── LimitsUnavailableError      whether it is over a limit cannot be counted now
    │       └── KeysUnavailableError        the key cannot be checked while the database is away
    ├── EngineError                 the engine failed this request
    │   ├── EngineDiedError             connection refused or lost
    │   ├── EngineLostError             it may hold half of something, and is started anew
    │   ├── EngineProtocolError         it answered something that is no HTTP or no JSON
    │   ├── EngineRefusedError          its own 4xx, status and message kept
    │   ├── EngineStartingError         not ready yet: try again after `retry_after_s`
    │   └── EngineTimeoutError          silent for longer than allowed
    ├── StoreError                  files of a model
    │   ├── BackupRefusedError          a backup that is broken, too new, or of other keys than those here
    │   ├── ModelFileMissingError       a file that the manifest names is not there
    │   ├── DigestMismatchError         a file's bytes are not the recorded ones
    │   ├── DiskFullError               no space left for what has to be written
    │   ├── TensorHeaderError           a safetensors file whose head cannot be right
    │   ├── SnapshotIncompleteError     files are missing that the engine will ask for
    │   ├── FeedError                   a channel's feed or lock cannot be read, or is another than it says
    │   ├── LockError                   a models.lock that cannot be read, or names what no lock may name
    │   ├── ModelNotInStoreError        no such model (or snapshot) in the store
    │   ├── ArchiveRefusedError         an archive of models that is broken, or tries something
    │   ├── PullInterruptedError        a fetch was cancelled; what came is kept, and a rerun goes on
    │   └── SourceError                 where a model's files come from
    │       ├── OfflineError                the network is not there, or must not be used
    │       ├── SourceUnreachableError      no connection, silence, or failures that do not pass
    │       ├── SourceNotFoundError         it has no such model, revision or file
    │       ├── SourceDeniedError           it wants a sign-in, or an agreement to its terms
    │       ├── SourceProtocolError         its answers contradict themselves or are no answers
    │       └── SourceChangedError          what it serves is not (or no longer) what it listed
    ├── UpdateError                 a component could not be replaced
    │   ├── ReleaseFeedError            a release feed that is broken, or says what it must not
    │   ├── ComponentMismatchError      a release that does not fit what is here
    │   ├── RollbackFailedError         the old state could not be brought back in the running system
    │   ├── UpdateRunningError          one at a time
    │   ├── ComponentUnknownError       no such component, or none that is replaced this way
    │   ├── NoFeedError                 nobody said where releases are
    │   ├── UpdateNotOfferedError       the feed has nothing that fits
    │   │   └── UpToDateError               what is active is the newest
    │   ├── DowngradeRefusedError       the feed offers what is older than what is active
    │   └── NoRollbackError             there is no earlier state to go back to
    ├── ToolError                   a tool failed
    │   ├── ToolFailedError             it answered with an error of the protocol, or with nonsense
    │   ├── ToolStartError              it did not start, or did not list its tools
    │   ├── ToolDiedError               its process ended during the call
    │   ├── ToolTimeoutError            it said nothing for longer than it may
    │   ├── ToolLimitError              it took more memory, processes or output than it may
    │   ├── ToolsUnavailableError       the tool host is not there: try again after `retry_after_s`
    │   ├── ToolManifestError           a huiyan-tool.toml that cannot be used
    │   └── ToolInstallError            its environment could not be made
    ├── SettingsError               a setting is unknown or impossible
    ├── ClusterError                the cluster of engines did not do what was asked
    └── CheckRefusedError           a check before the start refused; the hint is the remedy
        ├── MachineCheckError           memory, disk, permissions
        ├── PortInUseError              a port that was asked for by name is taken
        ├── AlreadyRunningError         this data directory has a launcher already
        ├── NotRunningError             a command needs a launcher and there is none
        ├── EngineNotInstalledError     no environment with this engine is there, or it is broken
        ├── NotOursError                a file in the way was written, or changed, by somebody else
        ├── ServiceManagerError         systemd is not there, or refused
        └── StartFailedError            engine or gateway did not become ready in time

`code` is stable: scripts and the page's translations rely on it. `hint` says what to do and
is shown to people. No class here names an HTTP status or an exit code: `gateway/errors.py`
and `cli/errors.py` map types to those, and a test proves that every leaf has a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class HuiyanError(Exception):
    """Base of the tree. `message`: what is wrong; `hint`: what to do about it."""

    code: ClassVar[str] = "huiyan_error"
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint
        self.param = param
        #: Key and arguments of its sentence in `huiyan.messages`, where it has one in every language.
        self.sentence: tuple[str, dict[str, Any]] | None = None


class RequestError(HuiyanError):
    code = "invalid_request"


class InvalidJsonError(RequestError):
    code = "invalid_json"
    default_hint = "Send a JSON object as the OpenAI API describes it, with Content-Type: application/json."


class EmptyPromptError(RequestError):
    code = "empty_prompt"
    default_hint = "Write a question, or add a picture, and send again."


class InvalidImageError(RequestError):
    code = "invalid_image"
    default_hint = "Open the picture in a viewer and save it again as PNG or JPEG."


class ImageTimeoutError(RequestError):
    code = "image_timeout"
    default_hint = "Save the picture again as JPEG or PNG, with fewer pixels, and send that."


class ImageDecoderError(RequestError):
    code = "image_decoder_failed"
    default_hint = "Open the picture in a viewer, save it again as PNG or JPEG, and send that."


class ImageUrlRefusedError(RequestError):
    code = "image_url_refused"
    default_hint = "Send the picture itself as a data URL: data:image/jpeg;base64,…"


class ImageFetchError(RequestError):
    code = "image_fetch_failed"
    default_hint = "Download the picture yourself and send it as a data URL: data:image/jpeg;base64,…"


class ImageMissingError(RequestError):
    """`hashes`: every one of the request that has no picture here; `param` has them comma-joined."""

    code = "image_missing"
    default_hint = "Send each again with PUT /api/images/{sha256}, or as a data URL, then repeat the request."

    def __init__(self, message: str, *, hashes: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint, param=",".join(hashes) or None)
        self.hashes = tuple(hashes)


class InvalidFormError(RequestError):
    code = "invalid_form"
    default_hint = "Send the parts `prompt` and `image`, or a part `request` (JSON) whose pictures are attachment://NAME."


class ContextExceededError(RequestError):
    code = "context_length_exceeded"
    default_hint = "Shorten the conversation or send fewer or smaller pictures."


class AuthenticationError(RequestError):
    code = "invalid_api_key"


class ForbiddenError(RequestError):
    code = "forbidden"


class NotFoundError(RequestError):
    code = "not_found"


class ModelNotFoundError(NotFoundError):
    code = "model_not_found"


class ToolNotFoundError(NotFoundError):
    code = "tool_not_found"
    default_hint = "GET /api/tools lists the tools that are there now."


class ToolArgumentsError(RequestError):
    """`param` names the argument."""

    code = "invalid_tool_arguments"
    default_hint = "GET /api/tools has the tool's input_schema; send what it asks for."


class MethodNotAllowedError(RequestError):
    code = "method_not_allowed"


class ConflictError(RequestError):
    code = "idempotency_conflict"
    default_hint = "Use a new Idempotency-Key for each new request."


class ModelBusyError(RequestError):
    code = "model_busy"
    default_hint = "Wait until it is fetched, or cancel it first."


class NoLauncherError(RequestError):
    code = "no_launcher"
    default_hint = "On the machine itself: huiyan models pull MODEL, then huiyan start."


class PayloadTooLargeError(RequestError):
    code = "payload_too_large"


class UnsupportedMediaTypeError(RequestError):
    code = "unsupported_media_type"


class QueueFullError(RequestError):
    code = "rate_limit_exceeded"

    def __init__(
        self, message: str, *, retry_after_s: float, hint: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, param=param)
        self.retry_after_s = retry_after_s
        #: What the limit says of itself (x-ratelimit-*), for the answer's head.
        self.headers: list[tuple[bytes, bytes]] = []


class LimitsUnavailableError(QueueFullError):
    code = "limits_unavailable"


class KeysUnavailableError(QueueFullError):
    """The database of keys is away, and what is remembered of it does not answer for this key."""

    code = "keys_unavailable"


class EngineError(HuiyanError):
    code = "engine_error"
    default_hint = "Send the request again; `huiyan logs` shows what the engine said."


class EngineDiedError(EngineError):
    code = "engine_died"
    default_hint = "It is being restarted. Send the request again in a few seconds."


class EngineLostError(EngineError):
    """It may hold half of something: it has to be started anew."""

    code = "engine_lost"


class EngineProtocolError(EngineError):
    code = "engine_protocol"


class EngineRefusedError(EngineError):
    """The engine's own 4xx. `status` and message are its own; the body is ours."""

    code = "engine_refused"

    def __init__(
        self, message: str, *, status: int, hint: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, param=param)
        self.status = status


class EngineStartingError(EngineError):
    code = "engine_starting"
    default_hint = "The model is being loaded. Try again in a few seconds; /health says when it is ready."

    def __init__(
        self, message: str, *, retry_after_s: float = 2.0, hint: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, param=param)
        self.retry_after_s = retry_after_s


class EngineTimeoutError(EngineError):
    code = "engine_timeout"


class StoreError(HuiyanError):
    code = "store_error"


class ModelFileMissingError(StoreError):
    code = "model_file_missing"


class DigestMismatchError(StoreError):
    code = "digest_mismatch"


class DiskFullError(StoreError):
    code = "disk_full"


class TensorHeaderError(StoreError):
    code = "tensor_header"


class SnapshotIncompleteError(StoreError):
    code = "snapshot_incomplete"


class FeedError(StoreError):
    code = "feed_error"


class LockError(StoreError):
    """About models.lock, the list of files; not about a lock between processes."""

    code = "models_lock_invalid"


class ModelNotInStoreError(StoreError):
    code = "model_not_in_store"


class ArchiveRefusedError(StoreError):
    code = "archive_refused"


class BackupRefusedError(StoreError):
    code = "backup_refused"


class PullInterruptedError(StoreError):
    code = "pull_interrupted"


class SourceError(StoreError):
    code = "source_error"


class OfflineError(SourceError):
    code = "offline"


class SourceUnreachableError(SourceError):
    code = "source_unreachable"


class SourceNotFoundError(SourceError):
    code = "source_not_found"


class SourceDeniedError(SourceError):
    code = "source_denied"


class SourceProtocolError(SourceError):
    code = "source_protocol"


class SourceChangedError(SourceError):
    code = "source_changed"


class UpdateError(HuiyanError):
    code = "update_error"


class ReleaseFeedError(UpdateError):
    code = "release_feed_error"
    default_hint = "Ask whoever publishes the feed, or make it again with `huiyan release make`."


class ComponentMismatchError(UpdateError):
    code = "component_mismatch"


class RollbackFailedError(UpdateError):
    code = "rollback_failed"


class UpdateRunningError(UpdateError):
    code = "update_running"


class ComponentUnknownError(UpdateError):
    code = "component_unknown"


class NoFeedError(UpdateError):
    code = "no_feed"


class UpdateNotOfferedError(UpdateError):
    """The feed has nothing that this installation would take."""

    code = "update_not_offered"


class UpToDateError(UpdateNotOfferedError):
    """What is active is the newest; a command takes that for success."""

    code = "up_to_date"


class DowngradeRefusedError(UpdateError):
    code = "downgrade_refused"


class NoRollbackError(UpdateError):
    code = "no_rollback"


class ToolError(HuiyanError):
    code = "tool_error"
    default_hint = "`huiyan tools logs NAME` shows what the tool said; other tools are not affected."


class ToolFailedError(ToolError):
    code = "tool_failed"


class ToolStartError(ToolError):
    code = "tool_start_failed"


class ToolDiedError(ToolError):
    code = "tool_died"


class ToolTimeoutError(ToolError):
    code = "tool_timeout"


class ToolLimitError(ToolError):
    code = "tool_over_limit"


class ToolsUnavailableError(ToolError):
    code = "tools_unavailable"
    default_hint = "Try again in a few seconds; `huiyan start` runs the tools, `huiyan serve` does not."

    def __init__(
        self, message: str, *, retry_after_s: float = 2.0, hint: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, param=param)
        self.retry_after_s = retry_after_s


class ToolManifestError(ToolError):
    code = "tool_manifest_invalid"
    default_hint = "docs/guides/tool-authors.md describes the manifest."


class ToolInstallError(ToolError):
    code = "tool_install_failed"
    default_hint = "Read what uv said above; nothing was changed."


class SettingsError(HuiyanError):
    code = "settings_error"


class ClusterError(HuiyanError):
    code = "cluster_error"
    default_hint = "`huiyan cluster status` says how it stands."


class CheckRefusedError(HuiyanError):
    code = "check_refused"


class MachineCheckError(CheckRefusedError):
    code = "machine_check"


class PortInUseError(CheckRefusedError):
    code = "port_in_use"


class AlreadyRunningError(CheckRefusedError):
    code = "already_running"


class NotRunningError(CheckRefusedError):
    code = "not_running"


class EngineNotInstalledError(CheckRefusedError):
    code = "engine_not_installed"


class NotOursError(CheckRefusedError):
    code = "not_ours"


class ServiceManagerError(CheckRefusedError):
    code = "service_manager"


class StartFailedError(CheckRefusedError):
    code = "start_failed"
