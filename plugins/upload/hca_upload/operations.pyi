"""The operations of the service 'upload', made from its OpenAPI document 0.0.2; not to be edited.

For type checkers and editors only:

    if TYPE_CHECKING:
        from hca_upload.operations import UploadOperations as Operations
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

class PostAreaByUploadAreaUuidResult(TypedDict, total=False):
    uri: Required[str]

class GetAreaChecksumsResult(TypedDict, total=False):
    TOTAL_NUM_FILES: int
    UNSCHEDULED: int
    SCHEDULED: int
    CHECKSUMMING: int
    CHECKSUMMED: int
    CHECKSUMMING_UNSCHEDULED: int

class GetAreaValidationsResult(TypedDict, total=False):
    SCHEDULED: int
    VALIDATING: int
    VALIDATED: int

class FileInfo(TypedDict, total=False):
    upload_area_id: str
    name: str
    size: int
    content_type: str
    url: str
    checksums: Checksums
    last_modified: str

class Checksums(TypedDict, total=False):
    s3_etag: str
    sha1: str
    sha256: str
    crc32c: str

class PutAreaValidateByUploadAreaUuidResult(TypedDict, total=False):
    validation_id: str

class PutAreaValidateByUploadAreaUuidBody(TypedDict, total=False):
    validator_image: Required[str]
    files: Required[list[str]]
    environment: dict[str, Any]
    original_validation_id: str

class PostAreaUpdateChecksumBody(TypedDict, total=False):
    status: Required[str]
    job_id: Required[str]
    payload: Required[dict[str, Any]]

class PostAreaUpdateValidationBody(TypedDict, total=False):
    status: Required[str]
    job_id: Required[str]
    payload: Required[dict[str, Any]]

class ChecksumInfo(TypedDict, total=False):
    checksum_status: str
    checksums: Checksums

class ValidationInfo(TypedDict, total=False):
    validation_status: str
    validation_results: str

class PutAreaValidateByFilenameResult(TypedDict, total=False):
    validation_id: str

class PutAreaValidateByFilenameBody(TypedDict, total=False):
    validator_image: Required[str]
    environment: dict[str, Any]
    original_validation_id: str

class _PutAreaValidateByUploadAreaUuid(_Method[..., PutAreaValidateByUploadAreaUuidResult, Any]):
    @overload
    def __call__(self, upload_area_uuid: str, validator_image: str, files: list[str], api_key: str | None = ..., environment: dict[str, Any] | None = ..., original_validation_id: str | None = ..., body: PutAreaValidateByUploadAreaUuidBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> PutAreaValidateByUploadAreaUuidResult: ...
    @overload
    def __call__(self, upload_area_uuid: str, *, body: PutAreaValidateByUploadAreaUuidBody | bytes | PathLike[str] | IO[bytes], validator_image: str | None = ..., files: list[str] | None = ..., api_key: str | None = ..., environment: dict[str, Any] | None = ..., original_validation_id: str | None = ...) -> PutAreaValidateByUploadAreaUuidResult: ...

class _PostAreaUpdateChecksum(_Method[..., None, Any]):
    @overload
    def __call__(self, upload_area_uuid: str, checksum_id: str, status: str, job_id: str, payload: dict[str, Any], body: PostAreaUpdateChecksumBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> None: ...
    @overload
    def __call__(self, upload_area_uuid: str, checksum_id: str, *, body: PostAreaUpdateChecksumBody | bytes | PathLike[str] | IO[bytes], status: str | None = ..., job_id: str | None = ..., payload: dict[str, Any] | None = ...) -> None: ...

class _PostAreaUpdateValidation(_Method[..., None, Any]):
    @overload
    def __call__(self, upload_area_uuid: str, validation_id: str, status: str, job_id: str, payload: dict[str, Any], body: PostAreaUpdateValidationBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> None: ...
    @overload
    def __call__(self, upload_area_uuid: str, validation_id: str, *, body: PostAreaUpdateValidationBody | bytes | PathLike[str] | IO[bytes], status: str | None = ..., job_id: str | None = ..., payload: dict[str, Any] | None = ...) -> None: ...

class _PutAreaValidateByFilename(_Method[..., PutAreaValidateByFilenameResult, Any]):
    @overload
    def __call__(self, upload_area_uuid: str, filename: str, validator_image: str, api_key: str | None = ..., environment: dict[str, Any] | None = ..., original_validation_id: str | None = ..., body: PutAreaValidateByFilenameBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> PutAreaValidateByFilenameResult: ...
    @overload
    def __call__(self, upload_area_uuid: str, filename: str, *, body: PutAreaValidateByFilenameBody | bytes | PathLike[str] | IO[bytes], validator_image: str | None = ..., api_key: str | None = ..., environment: dict[str, Any] | None = ..., original_validation_id: str | None = ...) -> PutAreaValidateByFilenameResult: ...

class UploadOperations(BaseClient):
    @_operation
    def get_version(self) -> Any: ...
    @_operation
    def get_health(self) -> Any: ...
    @_operation
    def get_v1_health(self) -> Any: ...
    @_operation
    def post_area_by_upload_area_uuid(self, upload_area_uuid: str, api_key: str | None = ...) -> PostAreaByUploadAreaUuidResult: ...
    @_operation
    def delete_area(self, upload_area_uuid: str, api_key: str | None = ...) -> Any: ...
    @_operation
    def head_area(self, upload_area_uuid: str) -> Response: ...
    @_operation
    def post_area_credential(self, upload_area_uuid: str) -> Any: ...
    @_operation
    def get_area_checksums(self, upload_area_uuid: str) -> GetAreaChecksumsResult: ...
    @_operation
    def get_area_validations(self, upload_area_uuid: str) -> GetAreaValidationsResult: ...
    @_listing(FileInfo)
    def put_area_files_info(self, upload_area_uuid: str, body: list[str] | bytes | PathLike[str] | IO[bytes]) -> _Records[FileInfo]: ...
    put_area_validate_by_upload_area_uuid: _PutAreaValidateByUploadAreaUuid
    post_area_update_checksum: _PostAreaUpdateChecksum
    post_area_update_validation: _PostAreaUpdateValidation
    @_operation
    def get_area(self, upload_area_uuid: str, filename: str) -> FileInfo: ...
    @_operation
    def put_area(self, upload_area_uuid: str, filename: str, api_key: str | None = ..., body: _File | bytes | PathLike[str] | IO[bytes] | None = ...) -> FileInfo: ...
    @_operation
    def post_area_by_filename(self, upload_area_uuid: str, filename: str) -> Any: ...
    @_operation
    def get_area_checksum(self, upload_area_uuid: str, filename: str) -> ChecksumInfo: ...
    @_operation
    def get_area_validate(self, upload_area_uuid: str, filename: str) -> ValidationInfo: ...
    put_area_validate_by_filename: _PutAreaValidateByFilename
    post_area: Method
    put_area_validate: Method
