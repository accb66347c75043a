#include "actors/app/completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "actors/app/commands.hpp"
#include "io/error.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App& command) {
    return command.get_options([](const CLI::Option* option) { return option->nonpositional(); });
}

std::vector<const CLI::Option*> positionals_of(const CLI::App& command) {
    return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// "-w", "--watch"
std::vector<std::string> words_of(const CLI::Option& option) {
    std::vector<std::string> words;
    for (const auto& name : option.get_snames()) words.push_back("-" + name);
    for (const auto& name : option.get_lnames()) words.push_back("--" + name);
    return words;
}

std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return result + "'";
}

std::string bash_script(const CLI::App& app) {
    std::vector<std::string> names;
    std::string cases;
    for (const auto* command : commands_of(app)) {
        names.push_back(command->get_name());
        std::vector<std::string> words;
        for (const auto* option : options_of(*command))
            for (const auto& word : words_of(*option)) words.push_back(word);
        for (const auto* inner : commands_of(*command)) words.push_back(inner->get_name());
        cases += fmt::format("        {}) words={} ;;\n", command->get_name(), quoted(join(words, " ")));
    }
    return fmt::format(
        "# bash completion of bistro: source it, or put it into bash-completion's folder as \"bistro\".\n"
        "_bistro() {{\n"
        "    local current=${{COMP_WORDS[COMP_CWORD]}} words=\n"
        "    if ((COMP_CWORD == 1)); then\n"
        "        COMPREPLY=($(compgen -W {} -- \"$current\"))\n"
        "        return\n"
        "    fi\n"
        "    case ${{COMP_WORDS[1]}} in\n{}"
        "    esac\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
        "}}\n"
        "complete -o default -F _bistro bistro\n",
        quoted(join(names, " ") + " --help --version"), cases);
}

std::string zsh_text(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
        result += c;
    }
    return result;
}

std::string zsh_script(const CLI::App& app) {
    std::string names;
    std::string cases;
    for (const auto* command : commands_of(app)) {
        names += "        " + quoted(zsh_text(command->get_name()) + ":" + zsh_text(command->get_description())) + "\n";
        cases += "        " + command->get_name() + ") _arguments";
        for (const auto* option : options_of(*command))
            for (const auto& word : words_of(*option))
                cases += " \\\n            " + quoted(word + "[" + zsh_text(option->get_description()) + "]" +
                                                      (takes_value(*option) ? ":value:_files" : ""));
        cases += " \\\n            '*:file:_files' ;;\n";
    }
    return "#compdef bistro\n"
           "# zsh completion of bistro: put it into a folder of $fpath as \"_bistro\".\n"
           "_bistro() {\n"
           "    local -a commands\n"
           "    commands=(\n" +
           names +
           "    )\n"
           "    if ((CURRENT == 2)); then\n"
           "        _describe command commands\n"
           "        return\n"
           "    fi\n"
           "    local command=$words[2]\n"
           "    shift words\n"
           "    ((CURRENT--))\n"
           "    case $command in\n" +
           cases +
           "    esac\n"
           "}\n"
           "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _bistro \"$@\"; else compdef _bistro bistro; fi\n";
}

std::string fish_script(const CLI::App& app) {
    std::string text = "# fish completion of bistro: put it into ~/.config/fish/completions/bistro.fish.\n";
    for (const auto* command : commands_of(app)) {
        text += fmt::format("complete -c bistro -n __fish_use_subcommand -f -a {} -d {}\n", command->get_name(),
                            quoted(command->get_description()));
        for (const auto* option : options_of(*command)) {
            text += fmt::format("complete -c bistro -n '__fish_seen_subcommand_from {}'", command->get_name());
            for (const auto& name : option->get_snames()) text += " -s " + name;
            for (const auto& name : option->get_lnames()) text += " -l " + name;
            text += std::string{takes_value(*option) ? " -r" : ""} + " -d " + quoted(option->get_description()) + "\n";
        }
    }
    return text;
}

// A line that begins with a dot or a quote would be a request, and a backslash begins one.
std::string troff(const std::string& text) {
    std::string result = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
    for (const char c : text) {
        if (c == '-')
            result += "\\-";
        else if (c == '\\')
            result += "\\e";
        else
            result += c;
    }
    return result;
}

// "HOST:PORT", "TEXT"; without what its validators have added.
std::string value_of(const CLI::Option& option) {
    auto name = option.get_type_name();
    const auto set = name.find_first_of("{[");
    if (set != std::string::npos) name.erase(name.rfind(':', set));
    return name;
}

// "jobs [JOB]"
std::string usage_of(const CLI::App& command) {
    auto text = troff(command.get_name());
    for (const auto* positional : positionals_of(command))
        text += " " +
                troff(positional->get_required() ? positional->get_name(true) : "[" + positional->get_name(true) + "]");
    return text;
}

std::string arguments_of(const CLI::App& command) {
    std::string text;
    for (const auto* positional : positionals_of(command))
        text += ".TP\n.I " + troff(positional->get_name(true)) + "\n" + troff(positional->get_description()) + "\n";
    for (const auto* option : options_of(command))
        text += ".TP\n.B " + troff(join(words_of(*option), ", ")) +
                (takes_value(*option) ? " \\fI" + troff(value_of(*option)) + "\\fR" : "") + "\n" +
                troff(option->get_description()) + "\n";
    return text;
}

std::string begin_of_page(const std::string& name, const std::string& about, const std::string& version) {
    std::string title = name;
    std::transform(title.begin(), title.end(), title.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return fmt::format(".TH {} 1 \"\" \"{}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n", troff(title),
                       version, troff(name), troff(about));
}

constexpr const char* end_of_page =
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\nall well\n"
    ".TP\n.B 1\nsome task failed for good or can never run, or there was nothing to end\n"
    ".TP\n.B 2\nbad usage, a name that is unknown, or a config that is not valid\n"
    ".TP\n.B 3\nthe scheduler could not be reached, or nothing could be run\n"
    ".TP\n.B 124\nwhat wait waited for did not come in time\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B BISTRO_SCHEDULER\nwhere the scheduler is, as host:port\n"
    ".TP\n.B BISTRO_SECRET\nwhat workers and clients must know, where they have no file of it\n"
    ".TP\n.B NO_COLOR\nno colours, if it is set\n";

std::string page_of_all(const CLI::App& app, const std::string& version) {
    auto text = begin_of_page("bistro", app.get_description(), version) +
                ".B bistro\n.I COMMAND\n[\\fIOPTION\\fR ...]\n.SH COMMANDS\n";
    for (const auto* command : commands_of(app))
        text += ".SS " + usage_of(*command) + "\n" + troff(command->get_description()) + "\n" + arguments_of(*command);
    return text + end_of_page;
}

std::string page_of_command(const CLI::App& command, const std::string& version) {
    auto text = begin_of_page("bistro-" + command.get_name(), command.get_description(), version) + ".B bistro\n" +
                usage_of(command) + "\n[\\fIOPTION\\fR ...]\n";
    if (const auto arguments = arguments_of(command); !arguments.empty()) text += ".SH OPTIONS\n" + arguments;
    return text + end_of_page + ".SH SEE ALSO\n.BR bistro (1)\n";
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
    if (shell == "zsh") return zsh_script(app);
    if (shell == "fish") return fish_script(app);
    return bash_script(app);
}

std::map<std::string, std::string> manual_pages(const CLI::App& app, const std::string& version) {
    std::map<std::string, std::string> pages{{"bistro", page_of_all(app, version)}};
    for (const auto* command : commands_of(app))
        pages["bistro-" + command->get_name()] = page_of_command(*command, version);
    return pages;
}

int command_manual(const std::map<std::string, std::string>& pages, const std::string& command,
                   const std::string& folder) {
    if (folder.empty()) {
        const auto page = pages.find(command.empty() ? "bistro" : "bistro-" + command);
        if (page == pages.end()) {
            fmt::print(stderr, "bistro manual: there is no command {}; see bistro --help\n", quote(command));
            return bad_usage;
        }
        fmt::print("{}", page->second);
        return all_well;
    }
    for (const auto& [name, text] : pages) {
        const auto path = folder + "/" + name + ".1";
        std::ofstream out{path, std::ios::binary};
        if (!(out << text).flush()) throw io_error{path + " can't be written: " + std::strerror(errno)};
    }
    return all_well;
}

}  // namespace bistro
