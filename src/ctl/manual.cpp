// The manual of users-ctl, as text and as roff: the commands, the options, and what else there is
// to say.
#include <algorithm>

#include "base/text.hpp"
#include "ctl/command.hpp"

namespace users::ctl {
namespace {

/// A section of the manual: paragraphs, one per line.
struct Section {
  std::string_view title;
  std::string_view text;
};

constexpr Section kSections[] = {
    {"DESCRIPTION",
     "users-ctl shows and changes the accounts of users-fcgi(8), its messages, and its database's "
     "schema. It works on the database itself, so the service need not run; changes take effect at "
     "once.\n"
     "PHONE is a mobile number in any spelling that the service accepts, with or without the "
     "country code. A command that asks says what will happen; any answer but y or yes stops it. "
     "Secrets are read from standard input only: the first line, or typed twice on a terminal. "
     "Each change is one transaction with an audit row under the name of the user who ran it (with "
     "sudo(8): who called it)."},
    {"IMPORTED TABLES",
     "The time of registration may also be called created_at, created, date_joined, "
     "user_registered or registered_at. Disabled accounts stay disabled. These columns mark them, "
     "in any spelling (isActive, is_active): with a time disableTime, disabled_at, blocked_at, "
     "banned_at, suspended_at, deactivated_at, deleted_at; with yes (1, t, true, y, yes, on) "
     "disabled, blocked, banned, suspended, deactivated, deleted, each also with is_, and "
     "inactive; with no active, enabled, is_active, is_enabled. A value that cannot be read counts "
     "as disabled, with a warning. A column with another name that may mean this, such as status "
     "or locked, stops the import: rename it, or leave it out with --ignore-column. Any other "
     "column is named on standard error before anything is written, and ignored.\n"
     "If several rows have the same phone, the one that is not disabled is kept, then the oldest "
     "by createTime, then the smallest id. The id has no other use: each account gets a new "
     "number, so match your backends' data by phone.\n"
     "Hashes may be argon2, bcrypt (2a, 2b, 2y), crypt(5) with SHA-256 or SHA-512, and yescrypt; "
     "each account's next login replaces it with the service's own. A login computes the hash "
     "again, so a hash that would hold up a worker is a bad row. The limits are: argon2 128 MiB of "
     "memory (m=131072), 3 GiB of memory times passes (m times t) and 64 lanes (p); bcrypt a cost "
     "of 14; crypt(5) 700000 rounds; yescrypt a cost of 8. The owner of such a row must register "
     "again. A site whose own hashes cost more (password.argon2_memory) moves with a database dump "
     "instead.\n"
     "NULL, as the usual programs write it, \\N and an empty field mean no value. A time looks "
     "like 2016-05-03 08:34:12, optionally with a T, a fraction and a time zone (Z, +08, +08:00); "
     "without one it is UTC. An unreadable time is ignored with a warning, and the account gets "
     "the time of the import. Every line ends with LF, or every line "
     "ends with CRLF; the last line needs its end, too. A password in quotes, a phone to which a "
     "spreadsheet added .0, and a line with another "
     "number of columns are bad rows; a second heading stops the import. Rows are written only if "
     "both readings of the file agree."},
    {"OUTPUT",
     "In a pipe, each row is a line of fields separated by tabs, without a heading; a missing "
     "value is an empty field. On a terminal, columns are aligned under a heading. JSON has null "
     "for no value. Times are UTC (ISO 8601). Control characters are shown as \\xNN, in JSON as "
     "\\uNNNN, so that stored text cannot control the terminal. Phones are shown in full; the "
     "service's log masks them."},
    {"EXIT STATUS",
     "0: done, or nothing to do.\n"
     "1: refused, not confirmed, or failed; the message says why.\n"
     "64: wrong usage, or no terminal to ask on.\n"
     "69: the database is unavailable or refused the connection.\n"
     "78: the configuration, a secret, or the version of the database's schema is wrong."},
    {"ENVIRONMENT",
     "USERS_FCGI_SECTION_KEY overrides a key of the configuration, for example "
     "USERS_FCGI_LOG_LEVEL overrides log.level. SUDO_USER is used if root runs the command. "
     "SEND_SMS_CONF is read as by the supplied send-sms programs."},
    {"FILES",
     "/etc/users-fcgi/users.conf: the configuration. The secrets it names must have mode 0600 and "
     "belong to the user who runs the command; root may also read those of the service's user."},
    {"EXAMPLES",
     "users-ctl user show 18866668888\n"
     "users-ctl user passwd 18866668888 --yes < password-file\n"
     "users-ctl user list --disabled --json | jq -r '.[].phone'\n"
     "users-ctl audit '#12' --limit 20\n"
     "(umask 077; users-ctl export > accounts.tsv)"},
};

/// Escapes text for the start of a roff line.
std::string roff(std::string_view text) {
  std::string escaped = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

/// How a form of the manual is written.
struct Style {
  std::string (*literal)(std::string_view);
  std::string (*placeholder)(std::string_view);
  void (*title)(std::ostream&, std::string_view);
  void (*item)(std::ostream&, const std::string& term, std::string_view text);
  void (*section)(std::ostream&, const Section&);
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t start = 0; start <= text.size(); start += lines.back().size() + 1) {
    lines.push_back(text.substr(start, text.find('\n', start) - start));
  }
  return lines;
}

void print_wrapped(std::ostream& out, std::string_view text, std::size_t margin) {
  constexpr std::size_t kWidth = 100;
  for (const std::string& line : wrap(text, kWidth - margin)) {
    out << std::string(margin, ' ') << line << '\n';
  }
}

std::string as_it_is(std::string_view text) {
  return std::string(text);
}

constexpr Style kText{as_it_is, as_it_is,
                      [](std::ostream& out, std::string_view title) {
                        out << '\n' << title << '\n';
                      },
                      [](std::ostream& out, const std::string& term, std::string_view text) {
                        out << "  " << term << '\n';
                        print_wrapped(out, text, 6);
                      },
                      [](std::ostream& out, const Section& section) {
                        for (const std::string_view line : lines_of(section.text))
                          print_wrapped(out, line, 2);
                      }};

constexpr Style kRoff{
    [](std::string_view text) { return "\\fB" + roff(text) + "\\fR"; },
    [](std::string_view text) { return "\\fI" + roff(text) + "\\fR"; },
    [](std::ostream& out, std::string_view title) { out << ".SH " << title << '\n'; },
    [](std::ostream& out, const std::string& term, std::string_view text) {
      out << ".TP\n" << term << '\n' << roff(text) << '\n';
    },
    [](std::ostream& out, const Section& section) {
      const bool is_example = section.title == "EXAMPLES";
      const char* between = is_example ? ".nf\n" : "";
      for (const std::string_view line : lines_of(section.text)) {
        out << between << roff(line) << '\n';
        between = is_example ? "" : ".PP\n";
      }
      if (is_example) out << ".fi\n";
    }};

/// `--limit N`: the value only if the option takes one.
std::string with_value(const Style& style, const Option& option) {
  const std::string name = style.literal("--" + std::string(option.name));
  return option.value.empty() ? name : name + " " + style.placeholder(option.value);
}

/// `user list [--limit N] [--json]`.
std::string synopsis(const Style& style, const Command& command) {
  std::string text = style.literal(command.words);
  if (!command.arguments.empty()) text += " " + style.placeholder(command.arguments);
  for (const std::string& typed : words_of(command.options)) {
    const auto option = std::ranges::find(options(), typed.substr(2), &Option::name);
    if (option == options().end()) throw std::logic_error("kOptions has no row for " + typed);
    text += " [" + with_value(style, *option) + "]";
  }
  return text;
}

void print_section(std::ostream& out, const Style& style, const Section& section) {
  style.title(out, section.title);
  style.section(out, section);
}

void print_sections(std::ostream& out, const Style& style) {
  print_section(out, style, kSections[0]);
  style.title(out, "COMMANDS");
  for (const Command& command : commands()) {
    style.item(out, synopsis(style, command), command.help);
  }
  style.title(out, "OPTIONS");
  for (const Option& option : options()) style.item(out, with_value(style, option), option.help);
  for (const Section& section : std::span(kSections).subspan(1)) print_section(out, style, section);
}

}  // namespace

void print_help(std::ostream& out) {
  out << "users-ctl: the operator's command line of the accounts service\n\n"
         "  users-ctl [--config FILE] COMMAND [ARGUMENT ...] [OPTION ...]\n";
  print_sections(out, kText);
}

void print_man(std::ostream& out) {
  out << ".\\\" Written by users-ctl --print=man.\n"
         ".TH USERS-CTL 8 \"\" \"users-fcgi\" \"System administration\"\n"
         ".SH NAME\nusers-ctl \\- the operator's command line of the accounts service\n"
         ".SH SYNOPSIS\n\\fBusers\\-ctl\\fR [\\fB\\-\\-config\\fR \\fIFILE\\fR] "
         "\\fICOMMAND\\fR [\\fIARGUMENT\\fR ...] [\\fIOPTION\\fR ...]\n";
  print_sections(out, kRoff);
  out << ".SH SEE ALSO\nusers\\-fcgi(8), users\\-courier(8), users.conf(5)\n";
}

}  // namespace users::ctl
