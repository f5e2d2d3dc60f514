"""The operations of the service 'cellxgene', made from its OpenAPI document 1.0.0; not to be edited.

For type checkers and editors only:

    if TYPE_CHECKING:
        from hca_cellxgene.operations import CellxgeneOperations as Operations
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

class CreateTokenResult(TypedDict, total=False):
    access_token: str

class Collection(TypedDict, total=False):
    collection_id: str
    collection_url: str | None
    collection_version_id: str
    consortia: list[str]
    contact_email: str | None
    contact_name: str | None
    created_at: str | None
    curator_name: str | None
    datasets: list[Dataset]
    description: str | None
    doi: str | None
    links: list[Link]
    name: str | None
    processing_status: str | None
    published_at: str | None
    publisher_metadata: PublisherMetadata | None
    revised_at: str | None
    revising_in: str | None
    revision_of: str | None
    visibility: Literal['PUBLIC', 'PRIVATE']

class Dataset(TypedDict, total=False):
    assay: list[OntologyTerm]
    assets: list[Asset]
    batch_condition: list[str] | None
    cell_count: int | None
    cell_type: list[OntologyTerm]
    citation: str | None
    collection_doi: str | None
    collection_doi_label: str | None
    collection_id: str
    collection_name: str | None
    collection_version_id: str
    dataset_id: str
    dataset_version_id: str
    development_stage: list[OntologyTerm]
    disease: list[OntologyTerm]
    donor_id: list[str] | None
    explorer_url: str | None
    is_primary_data: list[bool]
    mean_genes_per_cell: float | None
    organism: list[OntologyTerm]
    processing_status: str | None
    processing_status_detail: str | None
    published_at: str | None
    revised_at: str | None
    schema_version: str | None
    self_reported_ethnicity: list[OntologyTerm]
    sex: list[OntologyTerm]
    suspension_type: list[str] | None
    tissue: list[OntologyTerm]
    title: str | None
    x_approximate_distribution: str | None

class OntologyTerm(TypedDict, total=False):
    label: str
    ontology_term_id: str

class Asset(TypedDict, total=False):
    filename: str
    filesize: float
    filetype: str
    url: str
    presigned_url: str

class Link(TypedDict, total=False):
    link_name: str | None
    link_type: Required[Literal['PROTOCOL', 'RAW_DATA', 'LAB_WEBSITE', 'OTHER', 'DATA_SOURCE']]
    link_url: Required[str]

class PublisherMetadata(TypedDict, total=False):
    authors: list[PublisherMetadataAuthorsItem]
    is_preprint: bool
    journal: str
    published_day: float
    published_month: float
    published_year: float

class PublisherMetadataAuthorsItem(TypedDict, total=False):
    family: str
    given: str
    name: str

Visibility = Literal['PUBLIC', 'PRIVATE']

class CreateCollectionResult(TypedDict, total=False):
    collection_id: str

class CreateCollectionBody(TypedDict, total=False):
    consortia: list[str]
    contact_email: Required[str]
    contact_name: Required[str]
    description: Required[str]
    doi: str | None
    links: list[Link]
    name: Required[str]

class CollectionForm(TypedDict, total=False):
    consortia: list[str]
    contact_email: str
    contact_name: str
    description: str
    doi: str | None
    links: list[Link]
    name: str

class CreateRevisionResult(TypedDict, total=False):
    collection_id: str

class GetUploadCredentialsResult(TypedDict, total=False):
    Bucket: str
    UploadKeyPrefix: str
    credentials: GetUploadCredentialsResultCredentials

class GetUploadCredentialsResultCredentials(TypedDict, total=False):
    AccessKeyId: str
    SecretAccessKey: str
    SessionToken: str

class CreateDatasetResult(TypedDict, total=False):
    dataset_id: str

class UploadDatasetBody(TypedDict, total=False):
    link: str

class CellxgeneOperations(BaseClient):
    @_operation
    def create_token(self, x_api_key: str) -> CreateTokenResult: ...
    @_listing(Collection)
    def list_collections(self, visibility: Visibility | None = ..., curator: str | None = ...) -> _Records[Collection]: ...
    @_operation
    def create_collection(self, consortia: list[str] | None = ..., contact_email: str | None = ..., contact_name: str | None = ..., description: str | None = ..., doi: str | Null | None = ..., links: list[Link] | None = ..., name: str | None = ..., body: CreateCollectionBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> CreateCollectionResult: ...
    @_operation
    def get_collection(self, collection_id: str) -> Collection: ...
    @_operation
    def delete_collection(self, collection_id: str) -> None: ...
    @_listing(str)
    def update_collection(self, collection_id: str, consortia: list[str] | None = ..., contact_email: str | None = ..., contact_name: str | None = ..., description: str | None = ..., doi: str | Null | None = ..., links: list[Link] | None = ..., name: str | None = ..., body: CollectionForm | bytes | PathLike[str] | IO[bytes] | None = ...) -> CollectionForm: ...
    @_operation
    def create_revision(self, collection_id: str) -> CreateRevisionResult: ...
    @_listing(Collection)
    def list_collection_versions(self, collection_id: str) -> _Records[Collection]: ...
    @_operation
    def get_upload_credentials(self, collection_id: str) -> GetUploadCredentialsResult: ...
    @_operation
    def create_dataset(self, collection_id: str) -> CreateDatasetResult: ...
    @_operation
    def get_dataset(self, collection_id: str, dataset_id: str) -> Dataset: ...
    @_operation
    def upload_dataset(self, collection_id: str, dataset_id: str, link: str | None = ..., body: UploadDatasetBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> Any: ...
    @_operation
    def delete_dataset(self, collection_id: str, dataset_id: str) -> str: ...
    @_listing(Asset)
    def list_dataset_assets(self, collection_id: str, dataset_id: str) -> _Records[Asset]: ...
    @_listing(Dataset)
    def list_datasets(self) -> _Records[Dataset]: ...
    @_listing(Dataset)
    def list_dataset_versions(self, dataset_id: str) -> _Records[Dataset]: ...
    @_operation
    def get_dataset_version(self, dataset_version_id: str) -> Dataset: ...
    post_auth_token = create_token
    get_collections_all = list_collections
    post_collection = create_collection
    get_collections_by_collection_id = get_collection
    delete_collections = delete_collection
    patch_collections = update_collection
    post_collections_revision = create_revision
    get_collections_versions = list_collection_versions
    get_collections_s3_upload_credentials = get_upload_credentials
    post_collections_dataset = create_dataset
    get_collections_datasets = get_dataset
    put_collections_dataset = upload_dataset
    delete_collections_datasets = delete_dataset
    get_collections_datasets_assets = list_dataset_assets
    get_datasets = list_datasets
    get_datasets_versions = list_dataset_versions
    get_dataset_versions = get_dataset_version
    get_collections: Method
