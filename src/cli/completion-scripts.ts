import { Argument, Command } from "commander";

/**
 * The shells' side of `docker-cni __complete`, for docker-cni by its own name; `docker cni` is completed by Docker's. The words are
 * asked for one by one, so that nothing that is offered is read as code.
 */
const SCRIPTS = {
  bash: String.raw`# bash completion for docker-cni
_docker_cni() {
    local answer word
    COMPREPLY=()
    answer=$(docker-cni __completeNoDesc "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
    if [ "\${answer##*:}" = 0 ]; then
        compopt -o default
        return
    fi
    while IFS= read -r word; do
        [ -z "$word" ] || COMPREPLY+=("$(printf %q "$word")")
    done <<<"\${answer%:*}"
}
complete -F _docker_cni docker-cni
`,
  zsh: String.raw`#compdef docker-cni
# zsh completion for docker-cni
_docker-cni() {
    local -a lines offered
    local line
    lines=("\${(@f)$(docker-cni __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ "\${lines[-1]}" == ":0" ]]; then
        _files
        return
    fi
    for line in "\${(@)lines[1,-2]}"; do
        offered+=("\${\${line%%$'\t'*}//:/\\:}:\${line#*$'\t'}")
    done
    _describe -t commands docker-cni offered
}
if [ "\${funcstack[1]}" = "_docker-cni" ]; then
    _docker-cni "$@"
else
    compdef _docker-cni docker-cni
fi
`,
  fish: String.raw`# fish completion for docker-cni
function __docker_cni_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    for line in (docker-cni __complete $words[2..-1] "$last" 2>/dev/null)
        switch $line
            case ':0'
                __fish_complete_path "$last"
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c docker-cni -f -a '(__docker_cni_complete)'
`,
} as const;

export type Shell = keyof typeof SCRIPTS;

export const SHELLS = Object.keys(SCRIPTS);

/** The file that a shell reads to complete docker-cni. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell].replaceAll("\\${", "${");
}

/** `completion`: prints that file. */
export function completionCommand(): Command {
  return new Command("completion")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText("after", WHERE)
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell));
    });
}

const WHERE = `
The packages bring these files. Elsewhere:
  bash  docker-cni completion bash >/etc/bash_completion.d/docker-cni
  zsh   docker-cni completion zsh >"\${fpath[1]}/_docker-cni"
  fish  docker-cni completion fish >~/.config/fish/completions/docker-cni.fish
Docker's own completion completes 'docker cni'.
`;
