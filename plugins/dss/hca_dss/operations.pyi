"""The operations of the service 'dss', made from its OpenAPI document 0.0.2; not to be edited.

For type checkers and editors only:

    if TYPE_CHECKING:
        from hca_dss.operations import DssOperations as Operations
    else:
        Operations = hca_base.openapi.Client

    class MyClient(Operations): ...
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import IO, Any, Concatenate, Generic, Literal, ParamSpec, Required, TypedDict, TypeVar, overload

from requests import Response

from hca_base.openapi import BaseClient, Method, Null, Streamed
from hca_base.output import RecordStream

_P = ParamSpec("_P")
_R = TypeVar("_R")
_I = TypeVar("_I")
_File = str | PathLike[str] | bytes | IO[bytes]

class _Items(RecordStream, Generic[_I]):
    def __iter__(self) -> _Items[_I]: ...
    def __next__(self) -> _I: ...

class _Records(list[_I]):
    def to_pandas(self) -> Any: ...

class _Method(Generic[_P, _R, _I]):
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    def stream(self, *args: _P.args, **kwargs: _P.kwargs) -> Streamed: ...
    def iterate(self, *args: _P.args, **kwargs: _P.kwargs) -> _Items[_I]: ...
    def paginate(self, *args: _P.args, **kwargs: _P.kwargs) -> Iterator[_R]: ...

def _operation(call: Callable[Concatenate[Any, _P], _R]) -> _Method[_P, _R, Any]: ...
def _listing(item: type[_I]) -> Callable[[Callable[Concatenate[Any, _P], _R]], _Method[_P, _R, _I]]: ...

class GetBundlesAllResult(TypedDict, total=False):
    bundles: list[GetBundlesAllResultBundlesItem]
    event_timestamp: str
    has_more: bool
    link: str
    object: str
    page_count: int
    per_page: int
    search_after: str
    search_prefix: Any
    token: str
    dss_api: str

class GetBundlesAllResultBundlesItem(TypedDict, total=False):
    uuid: Required[str]
    version: Required[str]

Replica = Literal['aws', 'gcp']

class GetBundlesCheckoutResult(TypedDict, total=False):
    cause: str
    status: Required[Literal['RUNNING', 'SUCCEEDED', 'FAILED', 'UNKNOWN_JOB_ID']]
    location: str

class GetBundleResult(TypedDict, total=False):
    bundle: BundleVersion

class BundleVersion(TypedDict, total=False):
    creator_uid: int
    files: list[FileVersion]
    uuid: str
    version: str

FileVersion = TypedDict(
    "FileVersion",
    {
        'content-type': Required[str],
        'crc32c': Required[str],
        'indexed': Required[bool],
        'name': Required[str],
        's3_etag': Required[str],
        'sha1': Required[str],
        'sha256': Required[str],
        'size': Required[int],
        'url': str,
        'uuid': Required[str],
        'version': Required[str],
    },
    total=False,
)

class PutBundleResult(TypedDict, total=False):
    manifest: Required[dict[str, Any]]
    version: Required[str]

class BundleFile(TypedDict, total=False):
    indexed: Required[bool]
    name: Required[str]
    uuid: Required[str]
    version: Required[str]

class PutBundleBody(TypedDict, total=False):
    creator_uid: Required[int]
    files: Required[list[BundleFile]]

class DeleteBundleBody(TypedDict, total=False):
    reason: Required[str]

class PatchBundleResult(TypedDict, total=False):
    uuid: Required[str]
    version: Required[str]

class PatchBundleBody(TypedDict, total=False):
    add_files: list[BundleFile]
    remove_files: list[BundleFile]

class PostBundlesCheckoutResult(TypedDict, total=False):
    checkout_job_id: Required[str]

class PostBundlesCheckoutBody(TypedDict, total=False):
    destination: str
    email: str

class GetCollectionsResult(TypedDict, total=False):
    collections: list[CollectionOfCollectionsItem]

class CollectionOfCollectionsItem(TypedDict, total=False):
    uuid: Required[str]
    version: Required[str]

class PutCollectionResult(TypedDict, total=False):
    uuid: Required[str]
    version: Required[str]

class CollectionItem(TypedDict, total=False):
    path: str
    type: Required[str]
    uuid: Required[str]
    version: Required[str]

class Collection(TypedDict, total=False):
    contents: Required[list[CollectionItem]]
    description: Required[str]
    details: Required[dict[str, Any]]
    name: Required[str]

class GetCollectionResult(TypedDict, total=False):
    contents: Required[list[CollectionItem]]
    description: Required[str]
    details: Required[dict[str, Any]]
    name: Required[str]
    owner: str

class PatchCollectionResult(TypedDict, total=False):
    uuid: Required[str]
    version: Required[str]

class PatchCollectionBody(TypedDict, total=False):
    add_contents: list[CollectionItem]
    description: str
    details: dict[str, Any]
    name: str
    remove_contents: list[CollectionItem]

class GetEventsResult(TypedDict, total=False):
    event_streams: list[GetEventsResultEventStreamsItem]

class GetEventsResultEventStreamsItem(TypedDict, total=False):
    events: Required[list[GetEventsResultEventStreamsItemEventsItem]]
    from_date: Required[str]
    journal_id: Required[str]
    size: Required[int]
    to_date: Required[str]
    stream_url: str

class GetEventsResultEventStreamsItemEventsItem(TypedDict, total=False):
    event_id: Required[str]
    offset: Required[int]
    size: Required[int]
    timestamp: Required[str]

class PutFileResult(TypedDict, total=False):
    version: Required[str]

class PutFileResult2(TypedDict, total=False):
    task_id: str
    version: Required[str]

class PutFileBody(TypedDict, total=False):
    creator_uid: Required[int]
    source_url: Required[str]

class SearchResult(TypedDict, total=False):
    es_query: dict[str, Any]
    results: list[dict[str, Any]]
    total_hits: int

class PostSearchBody(TypedDict, total=False):
    es_query: Required[dict[str, Any]]

OutputFormat = Literal['summary', 'raw']

class GetSubscriptionsResult(TypedDict, total=False):
    subscriptions: Required[list[Subscription]]

class Subscription(TypedDict, total=False):
    attachments: dict[str, SubscriptionAttachmentsValue]
    callback_url: Required[str]
    encoding: Literal['application/json', 'multipart/form-data']
    es_query: dict[str, Any]
    form_fields: dict[str, str]
    hmac_key_id: str
    jmespath_query: str
    method: Literal['POST', 'PUT']
    owner: Required[str]
    payload_form_field: str
    replica: Required[Literal['aws', 'gcp']]
    uuid: Required[str]

class SubscriptionAttachmentsValue(TypedDict, total=False):
    expression: Required[str]
    type: Required[Literal['jmespath']]

SubscriptionType = Literal['elasticsearch', 'jmespath']

class PutSubscriptionResult(TypedDict, total=False):
    attachments: dict[str, SubscriptionAttachmentsValue]
    callback_url: Required[str]
    encoding: Literal['application/json', 'multipart/form-data']
    es_query: dict[str, Any]
    form_fields: dict[str, str]
    hmac_key_id: str
    jmespath_query: str
    method: Literal['POST', 'PUT']
    owner: Required[str]
    payload_form_field: str
    replica: Required[Literal['aws', 'gcp']]
    uuid: Required[str]
    hmac_secret_key: str

class PutSubscriptionAttachmentsValue(TypedDict, total=False):
    expression: Required[str]
    type: Required[Literal['jmespath']]

class PutSubscriptionBody(TypedDict, total=False):
    attachments: dict[str, PutSubscriptionAttachmentsValue]
    callback_url: Required[str]
    encoding: Literal['application/json', 'multipart/form-data']
    es_query: dict[str, Any]
    form_fields: dict[str, str]
    hmac_key_id: str
    hmac_secret_key: str
    jmespath_query: str
    method: Literal['POST', 'PUT']
    payload_form_field: str

class DeleteSubscriptionResult(TypedDict, total=False):
    timeDeleted: Required[str]

class _PutBundle(_Method[..., PutBundleResult, Any]):
    @overload
    def __call__(self, uuid: str, version: str, replica: Replica, creator_uid: int, files: list[BundleFile], body: PutBundleBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> PutBundleResult: ...
    @overload
    def __call__(self, uuid: str, version: str, replica: Replica, *, body: PutBundleBody | bytes | PathLike[str] | IO[bytes], creator_uid: int | None = ..., files: list[BundleFile] | None = ...) -> PutBundleResult: ...

class _DeleteBundle(_Method[..., dict[str, Any], Any]):
    @overload
    def __call__(self, uuid: str, replica: Replica, reason: str, version: str | None = ..., body: DeleteBundleBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> dict[str, Any]: ...
    @overload
    def __call__(self, uuid: str, replica: Replica, *, body: DeleteBundleBody | bytes | PathLike[str] | IO[bytes], reason: str | None = ..., version: str | None = ...) -> dict[str, Any]: ...

class _PutCollection(_Method[..., PutCollectionResult, Any]):
    @overload
    def __call__(self, replica: Replica, uuid: str, version: str, contents: list[CollectionItem], description: str, details: dict[str, Any], name: str, body: Collection | bytes | PathLike[str] | IO[bytes] | None = ...) -> PutCollectionResult: ...
    @overload
    def __call__(self, replica: Replica, uuid: str, version: str, *, body: Collection | bytes | PathLike[str] | IO[bytes], contents: list[CollectionItem] | None = ..., description: str | None = ..., details: dict[str, Any] | None = ..., name: str | None = ...) -> PutCollectionResult: ...

class _PutFile(_Method[..., PutFileResult | PutFileResult2, Any]):
    @overload
    def __call__(self, uuid: str, version: str, creator_uid: int, source_url: str, body: PutFileBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> PutFileResult | PutFileResult2: ...
    @overload
    def __call__(self, uuid: str, version: str, *, body: PutFileBody | bytes | PathLike[str] | IO[bytes], creator_uid: int | None = ..., source_url: str | None = ...) -> PutFileResult | PutFileResult2: ...

class _PostSearch(_Method[..., SearchResult, Any]):
    @overload
    def __call__(self, es_query: dict[str, Any], replica: Replica, output_format: OutputFormat | None = ..., per_page: int | None = ..., search_after: str | None = ..., body: PostSearchBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> SearchResult: ...
    @overload
    def __call__(self, replica: Replica, *, body: PostSearchBody | bytes | PathLike[str] | IO[bytes], es_query: dict[str, Any] | None = ..., output_format: OutputFormat | None = ..., per_page: int | None = ..., search_after: str | None = ...) -> SearchResult: ...

class _PutSubscription(_Method[..., PutSubscriptionResult, Any]):
    @overload
    def __call__(self, replica: Replica, callback_url: str, attachments: dict[str, PutSubscriptionAttachmentsValue] | None = ..., encoding: Literal['application/json', 'multipart/form-data'] | None = ..., es_query: dict[str, Any] | None = ..., form_fields: dict[str, str] | None = ..., hmac_key_id: str | None = ..., hmac_secret_key: str | None = ..., jmespath_query: str | None = ..., method: Literal['POST', 'PUT'] | None = ..., payload_form_field: str | None = ..., body: PutSubscriptionBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> PutSubscriptionResult: ...
    @overload
    def __call__(self, replica: Replica, *, body: PutSubscriptionBody | bytes | PathLike[str] | IO[bytes], callback_url: str | None = ..., attachments: dict[str, PutSubscriptionAttachmentsValue] | None = ..., encoding: Literal['application/json', 'multipart/form-data'] | None = ..., es_query: dict[str, Any] | None = ..., form_fields: dict[str, str] | None = ..., hmac_key_id: str | None = ..., hmac_secret_key: str | None = ..., jmespath_query: str | None = ..., method: Literal['POST', 'PUT'] | None = ..., payload_form_field: str | None = ...) -> PutSubscriptionResult: ...

class DssOperations(BaseClient):
    @_listing(GetBundlesAllResultBundlesItem)
    def get_bundles_all(self, replica: Replica, prefix: str | None = ..., token: str | None = ..., per_page: int | None = ..., search_after: str | None = ...) -> GetBundlesAllResult: ...
    @_operation
    def get_bundles_checkout(self, replica: Replica, checkout_job_id: str) -> GetBundlesCheckoutResult: ...
    @_operation
    def get_bundle(self, uuid: str, replica: Replica, version: str | None = ..., directurls: bool | None = ..., presignedurls: bool | None = ..., token: str | None = ..., per_page: int | None = ..., start_at: int | None = ...) -> GetBundleResult: ...
    put_bundle: _PutBundle
    delete_bundle: _DeleteBundle
    @_operation
    def patch_bundle(self, uuid: str, replica: Replica, version: str, add_files: list[BundleFile] | None = ..., remove_files: list[BundleFile] | None = ..., body: PatchBundleBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> PatchBundleResult: ...
    @_operation
    def post_bundles_checkout(self, uuid: str, replica: Replica, version: str | None = ..., destination: str | None = ..., email: str | None = ..., body: PostBundlesCheckoutBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> PostBundlesCheckoutResult: ...
    @_listing(CollectionOfCollectionsItem)
    def get_collections(self, per_page: int | None = ..., start_at: int | None = ...) -> GetCollectionsResult: ...
    put_collection: _PutCollection
    @_listing(CollectionItem)
    def get_collection(self, uuid: str, replica: Replica, version: str | None = ...) -> GetCollectionResult: ...
    @_operation
    def delete_collection(self, uuid: str, replica: Replica) -> Any: ...
    @_operation
    def patch_collection(self, uuid: str, replica: Replica, version: str, add_contents: list[CollectionItem] | None = ..., description: str | None = ..., details: dict[str, Any] | None = ..., name: str | None = ..., remove_contents: list[CollectionItem] | None = ..., body: PatchCollectionBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> PatchCollectionResult: ...
    @_listing(GetEventsResultEventStreamsItem)
    def get_events(self, replica: Replica, from_date: str | None = ..., to_date: str | None = ..., per_page: int | None = ..., token: str | None = ...) -> GetEventsResult: ...
    @_operation
    def get_event(self, uuid: str, version: str, replica: Replica) -> dict[str, Any]: ...
    @_operation
    def get_file(self, uuid: str, replica: Replica, version: str | None = ..., token: str | None = ..., directurl: bool | None = ..., content_disposition: str | None = ...) -> Any: ...
    put_file: _PutFile
    @_operation
    def head_file(self, uuid: str, replica: Replica, version: str | None = ...) -> Response: ...
    post_search: _PostSearch
    @_listing(Subscription)
    def get_subscriptions(self, replica: Replica, subscription_type: SubscriptionType | None = ...) -> GetSubscriptionsResult: ...
    put_subscription: _PutSubscription
    @_operation
    def get_subscription(self, uuid: str, replica: Replica, subscription_type: SubscriptionType | None = ...) -> Subscription: ...
    @_operation
    def delete_subscription(self, uuid: str, replica: Replica, subscription_type: SubscriptionType | None = ...) -> DeleteSubscriptionResult: ...
