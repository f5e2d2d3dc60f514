"""The operations of the service 'anvil', made from its OpenAPI document 17.6; not to be edited.

For type checkers and editors only:

    if TYPE_CHECKING:
        from hca_azul.anvil_operations import AnvilOperations as Operations
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

class Catalogs(TypedDict, total=False):
    default_catalog: Required[str]
    catalogs: Required[dict[str, CatalogsCatalogsValue]]

class CatalogsCatalogsValue(TypedDict, total=False):
    atlas: str
    internal: bool
    plugins: dict[str, Any]

class Hit(TypedDict, total=False):
    entryId: Required[str]
    sources: list[dict[str, Any]]
    bundles: list[dict[str, Any]]
    activities: list[dict[str, Any]]
    biosamples: list[dict[str, Any]]
    datasets: list[dict[str, Any]]
    diagnoses: list[dict[str, Any]]
    donors: list[dict[str, Any]]
    files: list[dict[str, Any]]

EntityType = Literal['activities', 'biosamples', 'bundles', 'datasets', 'donors', 'files']

class Hits(TypedDict, total=False):
    hits: Required[list[Hit]]
    pagination: Required[HitsPagination]
    termFacets: Required[dict[str, Facet]]

class HitsPagination(TypedDict, total=False):
    count: int
    total: int
    size: int
    pages: int
    next: str | None
    previous: str | None
    sort: str
    order: Literal['asc', 'desc']

class Facet(TypedDict, total=False):
    terms: list[FacetTermsItem]
    total: int
    type: str

class FacetTermsItem(TypedDict, total=False):
    term: Any
    count: int

Sort = Literal['activities.activity_id', 'activities.activity_table', 'activities.activity_type', 'activities.assay_type', 'activities.data_modality', 'activities.document_id', 'activities.reference_assembly', 'biosamples.anatomical_site', 'biosamples.apriori_cell_type', 'biosamples.biosample_id', 'biosamples.biosample_type', 'biosamples.disease', 'biosamples.document_id', 'biosamples.donor_age_at_collection', 'biosamples.donor_age_at_collection_unit', 'bundle_uuid', 'bundle_version', 'datasets.consent_group', 'datasets.data_modality', 'datasets.data_use_permission', 'datasets.dataset_id', 'datasets.document_id', 'datasets.duos_id', 'datasets.owner', 'datasets.principal_investigator', 'datasets.registered_identifier', 'datasets.title', 'diagnoses.diagnosis_age', 'diagnoses.diagnosis_age_unit', 'diagnoses.disease', 'diagnoses.document_id', 'diagnoses.onset_age', 'diagnoses.onset_age_unit', 'diagnoses.phenopacket', 'diagnoses.phenotype', 'donors.document_id', 'donors.donor_id', 'donors.genetic_ancestry', 'donors.organism_type', 'donors.phenotypic_sex', 'donors.reported_ethnicity', 'entryId', 'fileVersion', 'files.data_modality', 'files.document_id', 'files.drs_uri', 'files.file_format', 'files.file_id', 'files.file_md5sum', 'files.file_name', 'files.file_size', 'files.is_supplementary', 'files.reference_assembly', 'source_id', 'source_spec']

Order = Literal['asc', 'desc']

class PostIndexBody(TypedDict, total=False):
    filters: str

class Summary(TypedDict, total=False):
    datasetCount: int
    donorCount: int
    biosampleCount: int
    activityCount: int
    fileCount: int
    totalFileSize: float
    fileFormats: list[dict[str, Any]]

class PutManifestFileBody(TypedDict, total=False):
    filters: str

Format = Literal['compact', 'terra.pfb', 'curl', 'verbatim.jsonl', 'verbatim.pfb']

Fetch = TypedDict(
    "Fetch",
    {
        'Status': Required[int],
        'Location': Required[str],
        'Retry-After': int,
        'CommandLine': FetchCommandLine,
    },
    total=False,
)

FetchCommandLine = TypedDict(
    "FetchCommandLine",
    {
        'bash': str,
        'cmd.exe': str,
    },
    total=False,
)

class PutFetchManifestFileBody(TypedDict, total=False):
    filters: str

class Sources(TypedDict, total=False):
    sources: list[SourcesSourcesItem]

class SourcesSourcesItem(TypedDict, total=False):
    sourceId: str
    sourceSpec: str

class AnvilOperations(BaseClient):
    @_operation
    def get_openapi_json(self) -> dict[str, Any]: ...
    @_operation
    def get_health_all(self) -> dict[str, Any]: ...
    @_operation
    def get_health_basic(self) -> dict[str, Any]: ...
    @_operation
    def get_health_cached(self) -> dict[str, Any]: ...
    @_operation
    def get_health_fast(self) -> dict[str, Any]: ...
    @_operation
    def get_health_by_keys(self, keys: Sequence[str]) -> dict[str, Any]: ...
    @_operation
    def get_version(self) -> dict[str, Any]: ...
    @_operation
    def get_index_catalogs(self) -> Catalogs: ...
    @_operation
    def get_index_by_entity_id(self, entity_type: EntityType, entity_id: str, catalog: str | None = ...) -> Hit: ...
    @_listing(Hit)
    def get_index_by_entity_type(self, entity_type: EntityType, catalog: str | None = ..., filters: Mapping[str, Any] | None = ..., size: int | None = ..., sort: Sort | None = ..., order: Order | None = ..., search_before: str | None = ..., search_before_uid: str | None = ..., search_after: str | None = ..., search_after_uid: str | None = ...) -> Hits: ...
    @_listing(Hit)
    def post_index(self, entity_type: EntityType, catalog: str | None = ..., filters: Mapping[str, Any] | None = ..., size: int | None = ..., sort: Sort | None = ..., order: Order | None = ..., search_before: str | None = ..., search_before_uid: str | None = ..., search_after: str | None = ..., search_after_uid: str | None = ..., body_filters: str | None = ..., body: PostIndexBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> Hits: ...
    @_operation
    def head_index(self, entity_type: EntityType, catalog: str | None = ..., filters: Mapping[str, Any] | None = ..., size: int | None = ..., sort: Sort | None = ..., order: Order | None = ..., search_before: str | None = ..., search_before_uid: str | None = ..., search_after: str | None = ..., search_after_uid: str | None = ...) -> Response: ...
    @_operation
    def get_index_summary(self, catalog: str | None = ..., filters: Mapping[str, Any] | None = ...) -> Summary: ...
    @_operation
    def head_index_summary(self, catalog: str | None = ..., filters: Mapping[str, Any] | None = ...) -> Response: ...
    @_operation
    def put_manifest_file(self, catalog: str | None = ..., filters: Mapping[str, Any] | None = ..., format: Format | None = ..., body_filters: str | None = ..., body: PutManifestFileBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> Any: ...
    @_operation
    def get_manifest_files(self, token: str) -> Any: ...
    @_operation
    def put_fetch_manifest_file(self, catalog: str | None = ..., filters: Mapping[str, Any] | None = ..., format: Format | None = ..., body_filters: str | None = ..., body: PutFetchManifestFileBody | bytes | PathLike[str] | IO[bytes] | None = ...) -> Fetch: ...
    @_operation
    def get_fetch_manifest_files(self, token: str) -> Fetch: ...
    @_operation
    def get_repository_files(self, file_uuid: str, catalog: str | None = ..., version: str | None = ..., fileName: str | None = ..., replica: str | None = ...) -> Any: ...
    @_operation
    def get_fetch_repository_files(self, file_uuid: str, catalog: str | None = ..., version: str | None = ..., fileName: str | None = ..., replica: str | None = ...) -> Fetch: ...
    @_listing(SourcesSourcesItem)
    def get_repository_sources(self, catalog: str | None = ...) -> Sources: ...
    @_operation
    def post_user_authorize(self, grant_type: str | None = ..., code: str | None = ..., redirect_uri: str | None = ...) -> dict[str, Any]: ...
    @_operation
    def get_user_token(self) -> dict[str, Any]: ...
    @_operation
    def post_user_revoke(self) -> Any: ...
    get_health: Method
    get_index: Method
