"""``hca cellxgene citation``."""

from __future__ import annotations

import argparse

from hca_cellxgene.commands.options import CellxgeneCommand


class Citation(CellxgeneCommand):
    """Print citations of collections, as BibTeX or CSL JSON.

    A dataset is cited by its collection.
    """

    example = "cellxgene citation $COLLECTION_ID --style csl"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("id", nargs="+", metavar="ID", help="UUID of a collection or dataset")
        parser.add_argument("--style", choices=("bibtex", "csl"), default="bibtex", help="(default: bibtex)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_base.errors import NotFoundError, ServiceError
        from hca_cellxgene.citation import bibtex, csl
        from hca_cellxgene.downloading import by_ids

        collections = {}
        for name in parsed_args.id:
            try:
                found = self.client.get_collection(collection_id=name.strip().lower())
            except ServiceError as error:
                if error.status not in (400, 403, 404):
                    raise
                try:
                    dataset = by_ids(self.client, [name])[0]
                except NotFoundError:
                    raise NotFoundError(
                        f"{name} is not the UUID of a public collection or dataset",
                        hint="'hca cellxgene collections' lists the collections",
                    ) from None
                found = self.client.get_collection(collection_id=str(dataset.get("collection_id")))
            collections[found.get("collection_id")] = found
        if parsed_args.style == "csl":
            self.emit([csl(one) for one in collections.values()], fmt="json")
        else:
            self.emit("\n".join(bibtex(one) for one in collections.values()).rstrip("\n"), fmt="value")
