"""The data of an embedded Azul: projects, their samples and files."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hca_base.transfer import Hashes

VERSION = "2021-04-09T18:59:13.000000Z"
_SPACE = uuid.UUID("6d0a2a0e-6a9d-4e34-8f0e-6a1c5f4a1f00")


def uuid_of(*parts: object) -> str:
    """A UUID derived from the parts."""
    return str(uuid.uuid5(_SPACE, "/".join(map(str, parts))))


@dataclass
class File:
    """A file.

    :ivar size: bytes; the content is derived from the UUID
    :ivar sample: number of the sample in the project
    :ivar read: read1, read2, index1 or empty
    :ivar matrix: its strata, for matrices: species, stage, organ, library
    :ivar also: further places in the matrix tree, for example of matrices of several species
    :ivar intermediate: whether the matrix is an intermediate result
    :ivar phantom: it is listed but unavailable
    :ivar external: it is outside of the repository, and unavailable too
    :ivar mirrored: whether the mirror has it; "claimed": the metadata say so, but it does not
    :ivar wrong_hash: the sha256 in the metadata does not match the bytes
    :ivar own_uuid: its UUID, if not derived from the names
    :ivar told_sha256: its sha256 in the metadata; can be anything
    :ivar well: number of the library made from the sample; a sample may have several libraries
    :ivar pooled: numbers of further samples whose libraries were sequenced with it
    """

    name: str
    size: int
    format: str = "fastq.gz"
    sample: int = 0
    read: str = ""
    lane: int | None = None
    content: str = "DNA sequence"
    matrix: tuple[str, str, str, str] | None = None
    also: tuple[tuple[str, str, str, str], ...] = ()
    intermediate: bool = False
    phantom: bool = False
    external: bool = False
    mirrored: bool | str = False
    wrong_hash: bool = False
    key: str = ""
    version: str = VERSION
    own_uuid: str = ""
    told_sha256: str | None = None
    well: int = 0
    pooled: tuple[int, ...] = ()

    @cached_property
    def uuid(self) -> str:
        """Its UUID."""
        return self.own_uuid or uuid_of("file", self.key, self.name)

    @cached_property
    def bytes(self) -> bytes:
        """Its content."""
        return random.Random(self.uuid).randbytes(self.size)

    @cached_property
    def true_sha256(self) -> str:
        """The sha256 of its content."""
        return hashlib.sha256(self.bytes).hexdigest()

    @property
    def sha256(self) -> str:
        """The sha256 in the metadata."""
        if self.told_sha256 is not None:
            return self.told_sha256
        return hashlib.sha256(b"wrong").hexdigest() if self.wrong_hash else self.true_sha256

    @property
    def md5(self) -> str:
        """The MD5 in the metadata, in base64 as for AnVIL."""
        content = b"wrong" if self.wrong_hash else self.bytes
        return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()

    @cached_property
    def true_md5(self) -> str:
        """The MD5 of its content, in hexadecimal."""
        return hashlib.md5(self.bytes, usedforsecurity=False).hexdigest()

    @cached_property
    def crc32c(self) -> str:
        """The checksum of its content."""
        hashes = Hashes(("crc32c",))
        hashes.update(self.bytes)
        return str(hashes.hexdigests()["crc32c"])

    @property
    def drs_uri(self) -> str:
        """Its URI in the repository."""
        if self.external:
            return f"drs://dg.4503:{self.uuid}"
        return f"drs://data.terra.bio/v1_{uuid_of('snapshot')}_{self.uuid}"


@dataclass
class Project:
    """A project, or a dataset of AnVIL; every file belongs to one of its samples, and every sample to a bundle.

    :ivar accessions: (namespace, accession) in other archives
    :ivar links: further URLs in the project's metadata
    :ivar publications: (title, URL)
    """

    short: str
    title: str
    species: str = "Homo sapiens"
    organ: str = "brain"
    stage: str = "human adult stage"
    library: str = "10x 3' v2"
    disease: str | None = "normal"
    sex: str = "female"
    age: str = "38 year"
    cells: int = 2000
    samples: int = 1
    lab: str = "Laboratory of Cells"
    managed: bool = False
    slug: str = ""
    duos_id: str | None = None
    restriction: str | None = None
    accessions: tuple[tuple[str, str], ...] = ()
    links: tuple[str, ...] = ()
    publications: tuple[tuple[str, str], ...] = ()
    files: list[File] = field(default_factory=list)

    def __post_init__(self) -> None:
        for file in self.files:
            file.key = file.key or self.short

    @property
    def uuid(self) -> str:
        """Its UUID."""
        return uuid_of("project", self.short)

    @cached_property
    def name(self) -> str:
        """Its name in the portal's URLs."""
        return self.slug or self.short.lower()

    def library_ids(self, file: File) -> list[str]:
        """Names of the libraries of a file's reads."""
        samples = (file.sample, *file.pooled)
        return [self.sample_id(sample) + (f"_well_{file.well + 1}" if file.well else "_cells") for sample in samples]

    def bundle(self, sample: int) -> str:
        """The bundle of a sample."""
        return uuid_of("bundle", self.short, sample)

    def sample_id(self, sample: int) -> str:
        """The name of a sample."""
        return f"{self.short}_sample_{sample + 1}"


@dataclass
class Atlas:
    """All data.

    :ivar catalogs: name -> internal
    """

    projects: list[Project]
    default: str = "dcp44"
    catalogs: dict[str, bool] = field(default_factory=lambda: {"dcp44": False, "dcp44-it": True, "lm9": False})

    @cached_property
    def by_uuid(self) -> dict[str, tuple[Project, File]]:
        """Every file with its project."""
        return {file.uuid: (project, file) for project in self.projects for file in project.files}


def reads(sample: int, size: int = 3000, lane: int = 1, **options: Any) -> list[File]:
    """The two reads and the index of a sequencing run."""
    stem = f"S{sample + 1}_L00{lane}"
    return [
        File(f"{stem}_{short}_001.fastq.gz", size + sample, sample=sample, read=read, lane=lane, **options)
        for short, read in (("R1", "read1"), ("R2", "read2"), ("I1", "index1"))
    ]


def sample() -> Atlas:
    """A few projects with all peculiarities of real ones."""
    human = ("Homo sapiens", "human adult stage", "brain", "10x 3' v2")
    mouse = ("Mus musculus", "prime adult stage", "heart", "Smart-seq2")
    matrix: dict[str, Any] = {"format": "loom", "content": "Count Matrix"}
    return Atlas(
        [
            Project(
                "BrainCells",
                "Cells of the human brain, in two samples",
                samples=2,
                accessions=(("geo", "GSE12345"), ("insdc_project", "PRJNA12345")),
                publications=(("Cells of the brain", "https://doi.org/10.1000/brain"),),
                links=("https://cellxgene.cziscience.com/collections/0b1b2b3b",),
                files=[
                    *reads(0),
                    *reads(1),
                    File("brain.loom", 300_000, matrix=human, mirrored=True, **matrix),
                    File("qc.bam.bai", 0, format="bai", content="index"),
                ],
            ),
            Project(
                "MouseHeart",
                "A mouse's heart, with a description # of names",
                species=mouse[0],
                stage=mouse[1],
                organ=mouse[2],
                library=mouse[3],
                disease=None,
                cells=400,
                files=[
                    *reads(0, 500),
                    File("heart.loom", 2000, matrix=mouse, **matrix),
                    File("heart_2.csv.gz", 900, format="csv.gz", content="Gene expression matrix", matrix=None),
                ],
            ),
            Project(
                "Odd",
                "Names that collide, and files that cannot be had",
                organ="blood",
                samples=2,
                files=[
                    File("reads.fastq.gz", 1000, key="Odd-a", mirrored=True),
                    File("reads.fastq.gz", 1100, key="Odd-b", sample=1),
                    File("phantom.bam", 500, format="bam", phantom=True),
                    File("external.bam", 500, format="bam", external=True),
                    File("damaged.bam", 700, format="bam", wrong_hash=True),
                    File("promised.bam", 800, format="bam", mirrored="claimed"),
                    File("a [b] #1 'c'.txt", 90, format="txt", content="notes"),
                ],
            ),
            Project(
                "Managed",
                "Data of managed access",
                organ="lung",
                managed=True,
                duos_id="DUOS-000123",
                restriction="GRU",
                files=[File("secret.fastq.gz", 1500), File("secret.loom", 900, matrix=human, **matrix)],
            ),
        ]
    )
