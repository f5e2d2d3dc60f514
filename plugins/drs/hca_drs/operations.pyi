"""The operations of the service 'drs', made from its OpenAPI document 1.5.0; not to be edited.

For type checkers and editors only:

    if TYPE_CHECKING:
        from hca_drs.operations import DrsOperations as Operations
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

class ServiceInfo(TypedDict, total=False):
    id: Required[str]
    name: Required[str]
    type: Required[ServiceInfoType]
    description: str
    organization: Required[ServiceInfoOrganization]
    contactUrl: str
    documentationUrl: str
    createdAt: str
    updatedAt: str
    environment: str
    version: Required[str]
    maxBulkRequestLength: int
    drs: ServiceInfoDrs

class ServiceInfoType(TypedDict, total=False):
    group: Required[str]
    artifact: Required[Literal['drs']]
    version: Required[str]

class ServiceInfoOrganization(TypedDict, total=False):
    name: Required[str]
    url: Required[str]

class ServiceInfoDrs(TypedDict, total=False):
    maxBulkRequestLength: Required[int]
    objectCount: int
    totalObjectSize: int

class DrsObject(TypedDict, total=False):
    id: Required[str]
    name: str
    self_uri: Required[str]
    size: Required[int]
    created_time: Required[str]
    updated_time: str
    version: str
    mime_type: str
    checksums: Required[list[Checksum]]
    access_methods: list[AccessMethod]
    contents: list[ContentsObject]
    description: str
    aliases: list[str]

class Checksum(TypedDict, total=False):
    checksum: Required[str]
    type: Required[str]

class AccessMethod(TypedDict, total=False):
    type: Required[Literal['s3', 'gs', 'ftp', 'gsiftp', 'globus', 'htsget', 'https', 'file']]
    access_url: AccessMethodAccessUrl
    access_id: str
    cloud: str
    region: str
    available: bool
    authorizations: AccessMethodAuthorizations

class AccessMethodAccessUrl(TypedDict, total=False):
    url: Required[str]
    headers: list[str]

class AccessMethodAuthorizations(TypedDict, total=False):
    drs_object_id: str
    supported_types: list[Literal['None', 'BasicAuth', 'BearerAuth', 'PassportAuth']]
    passport_auth_issuers: list[str]
    bearer_auth_issuers: list[str]

class ContentsObject(TypedDict, total=False):
    name: Required[str]
    id: str
    drs_uri: list[str]
    contents: list[ContentsObject]

class PostObjectBody(TypedDict, total=False):
    expand: bool
    passports: list[str]

class Authorizations(TypedDict, total=False):
    drs_object_id: str
    supported_types: list[Literal['None', 'BasicAuth', 'BearerAuth', 'PassportAuth']]
    passport_auth_issuers: list[str]
    bearer_auth_issuers: list[str]

class GetBulkObjectsResult(TypedDict, total=False):
    summary: Summary
    unresolved_drs_objects: list[GetBulkObjectsResultUnresolvedDrsObjectsItem]
    resolved_drs_object: list[DrsObject]

class Summary(TypedDict, total=False):
    requested: int
    resolved: int
    unresolved: int

class GetBulkObjectsResultUnresolvedDrsObjectsItem(TypedDict, total=False):
    error_code: int
    object_ids: list[str]

class GetBulkObjectsBody(TypedDict, total=False):
    passports: list[str]
    bulk_object_ids: list[str]

class OptionsBulkObjectResult(TypedDict, total=False):
    summary: Summary
    unresolved_drs_objects: list[GetBulkObjectsResultUnresolvedDrsObjectsItem]
    resolved_drs_object: list[Authorizations]

class OptionsBulkObjectBody(TypedDict, total=False):
    bulk_object_ids: list[str]

class AccessURL(TypedDict, total=False):
    url: Required[str]
    headers: list[str]

class PostAccessUrlBody(TypedDict, total=False):
    passports: list[str]

class GetBulkAccessUrlResult(TypedDict, total=False):
    summary: Summary
    unresolved_drs_objects: list[GetBulkObjectsResultUnresolvedDrsObjectsItem]
    resolved_drs_object_access_urls: list[BulkAccessURL]

class BulkAccessURL(TypedDict, total=False):
    drs_object_id: str
    drs_access_id: str
    url: Required[str]
    headers: list[str]

class GetBulkAccessUrlBulkObjectAccessIdsItem(TypedDict, total=False):
    bulk_object_id: str
    bulk_access_ids: list[str]

class GetBulkAccessUrlBody(TypedDict, total=False):
    passports: list[str]
    bulk_object_access_ids: list[GetBulkAccessUrlBulkObjectAccessIdsItem]

class DrsOperations(BaseClient):
    @_operation
    def get_service_info(self) -> ServiceInfo: ...
    @_operation
    def get_object(self, object_id: str, expand: bool | None = ...) -> DrsObject: ...
    @_operation
    def post_object(self, object_id: str, expand: bool | None = ..., passports: list[str] | None = ..., body: PostObjectBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> DrsObject: ...
    @_operation
    def options_object(self, object_id: str) -> Authorizations | None: ...
    @_operation
    def get_bulk_objects(self, expand: bool | None = ..., passports: list[str] | None = ..., bulk_object_ids: list[str] | None = ..., body: GetBulkObjectsBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> GetBulkObjectsResult: ...
    @_operation
    def options_bulk_object(self, bulk_object_ids: list[str] | None = ..., body: OptionsBulkObjectBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> OptionsBulkObjectResult | None: ...
    @_listing(str)
    def get_access_url(self, object_id: str, access_id: str) -> AccessURL: ...
    @_listing(str)
    def post_access_url(self, object_id: str, access_id: str, passports: list[str] | None = ..., body: PostAccessUrlBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> AccessURL: ...
    @_operation
    def get_bulk_access_url(self, passports: list[str] | None = ..., bulk_object_access_ids: list[GetBulkAccessUrlBulkObjectAccessIdsItem] | None = ..., body: GetBulkAccessUrlBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> GetBulkAccessUrlResult: ...
    get_objects = get_object
    post_object_by_object_id = post_object
    options_objects_by_object_id = options_object
    post_object_all = get_bulk_objects
    options_objects_all = options_bulk_object
    get_objects_access = get_access_url
    post_objects_access_by_access_id = post_access_url
    post_objects_access_all = get_bulk_access_url
    options_objects: Method
    post_objects_access: Method
    post_objects_acces: Method
    post_objects_acces_by_access_id = post_access_url
    post_objects_acces_all = get_bulk_access_url
