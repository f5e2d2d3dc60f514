"""``hca completion``: completion of commands in bash, zsh and fish.

The scripts call ``hca __complete``, which only reads caches and does not import known plugins.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from hca_base.commands._bases._base import Command
from hca_base.config import paths, write_atomic
from hca_base.errors import HCAError, UsageError

_BASH = r"""# Completion of hca for bash; made by 'hca completion bash'.
_hca_complete() {
    local line word prefix=""
    local -a words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=()
    # bash breaks words at '=' and ':'; put them together again.
    local -a joined=()
    local glue=0
    for word in "${words[@]}"; do
        if [[ $word == = || $word == : ]] && ((${#joined[@]})); then
            joined[${#joined[@]}-1]+=$word
            glue=1
        elif ((glue)); then
            joined[${#joined[@]}-1]+=$word
            glue=0
        else
            joined+=("$word")
        fi
    done
    local current=""
    ((${#joined[@]})) && current=${joined[${#joined[@]}-1]}
    [[ $current == *[=:]* ]] && prefix=${current%"${current##*[=:]}"}
    while IFS= read -r line; do
        case $line in
            :files)
                while IFS= read -r word; do COMPREPLY+=("$word"); done \
                    < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]#=}")
                type compopt > /dev/null 2>&1 && compopt -o filenames 2> /dev/null ;;
            :directories)
                while IFS= read -r word; do COMPREPLY+=("$word"); done \
                    < <(compgen -d -- "${COMP_WORDS[COMP_CWORD]#=}")
                type compopt > /dev/null 2>&1 && compopt -o filenames 2> /dev/null ;;
            *)
                word=${line%%$'\t'*}
                COMPREPLY+=("${word#"$prefix"}") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete -- "${joined[@]}" 2> /dev/null)
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *= ]]; then
        type compopt > /dev/null 2>&1 && compopt -o nospace 2> /dev/null
    fi
}
complete -F _hca_complete hca
"""

_ZSH = r"""#compdef hca
# Completion of hca for zsh; made by 'hca completion zsh'.
_hca() {
    local line word about
    local -a found
    while IFS= read -r line; do
        case $line in
            :files) _files ;;
            :directories) _files -/ ;;
            *)
                word=${line%%$'\t'*}
                about=${line#*$'\t'}
                found+=("${word//:/\\:}:${about}") ;;
        esac
    done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2> /dev/null)
    (( ${#found} )) && _describe -V 'hca' found
}
if [[ $funcstack[1] == _hca ]]; then
    _hca "$@"
elif (( $+functions[compdef] )); then
    compdef _hca hca
else
    autoload -Uz compinit && compinit && compdef _hca hca
fi
"""

_FISH = r"""# Completion of hca for fish; made by 'hca completion fish'.
function __hca_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] "$current" 2> /dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$current"
            case ':directories'
                __fish_complete_directories "$current"
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c hca -f -k -a '(__hca_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_MARK = "# completion of hca"


class CompletionBash(Command):
    """Print the completion script for bash.

    'hca completion install bash' installs it; for one session: source <(hca completion bash).
    """

    example = "completion bash > hca.bash"

    shell = "bash"

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        self.stdout.write(SCRIPTS[self.shell])


class CompletionZsh(CompletionBash):
    """Print the completion script for zsh.

    'hca completion install zsh' installs it; for one session: source <(hca completion zsh).
    """

    example = "completion zsh > _hca"

    shell = "zsh"


class CompletionFish(CompletionBash):
    """Print the completion script for fish.

    'hca completion install fish' installs it; for one session: hca completion fish | source.
    """

    example = "completion fish > hca.fish"

    shell = "fish"


class CompletionInstall(Command):
    """Set up completion for your shell.

    Writes the script where the shell looks for it. For bash and zsh, also adds a line to ~/.bashrc or ~/.zshrc that
    loads it. --remove undoes both.
    """

    example = "completion install bash"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("shell", nargs="?", choices=sorted(SCRIPTS), help="bash, zsh or fish (default: from SHELL)")
        parser.add_argument("--no-rc", action="store_true", help="do not change ~/.bashrc and ~/.zshrc")
        parser.add_argument("--remove", action="store_true", help="remove completion again")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        shell = parsed_args.shell or Path(os.environ.get("SHELL", "")).name
        if shell not in SCRIPTS:
            raise UsageError(
                f"no completion for the shell {shell!r}" if shell else "SHELL is not set to a shell",
                hint=f"name one: hca completion install {'|'.join(sorted(SCRIPTS))}",
            )
        script, rc = _script_file(shell), _rc_file(shell)
        try:
            if parsed_args.remove:
                script.unlink(missing_ok=True)
                if rc is not None:
                    _edit_rc(rc, None)
                self.note(f"completion for {shell} removed")
                return
            script.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(script, SCRIPTS[shell], mode=0o644)
            self.note(f"{script} written")
            if rc is not None and not parsed_args.no_rc:
                if _edit_rc(rc, f'[ -r "{script}" ] && . "{script}"'):
                    self.note(f"a line that reads it was added to {rc}")
                self.note(f"open a new {shell} to use it")
        except OSError as error:
            raise HCAError(f"{error.filename or script} cannot be written: {error.strerror}") from None


def _script_file(shell: str) -> Path:
    if shell == "fish":
        base = os.environ.get("XDG_CONFIG_HOME") or str(_home(shell) / ".config")
        return Path(base) / "fish" / "completions" / "hca.fish"
    return paths.data_dir() / "completion" / f"hca.{shell}"


def _home(shell: str) -> Path:
    try:
        return Path.home()
    except (RuntimeError, KeyError):  # HOME is not set, and the user ID is not in the password file
        raise UsageError(
            "no home directory: HOME is not set",
            hint=f"set HOME, or have your shell source the output of 'hca completion {shell}'",
        ) from None


def _rc_file(shell: str) -> Path | None:
    if shell == "bash":
        return _home(shell) / ".bashrc"
    if shell == "zsh":
        return Path(os.environ.get("ZDOTDIR") or _home(shell)) / ".zshrc"
    return None


def _edit_rc(path: Path, line: str | None) -> bool:
    """Add hca's line to a shell's start-up file, or remove it; return True if the file was changed."""
    real = Path(os.path.realpath(path))
    before = real.read_bytes() if real.exists() else b""
    lines = [each for each in before.decode("utf-8", "surrogateescape").splitlines(True) if _MARK not in each]
    if line is not None:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines.append(f"{line}  {_MARK}\n")
    after = "".join(lines).encode("utf-8", "surrogateescape")
    if after == before:
        return False
    write_atomic(real, after)
    return True
