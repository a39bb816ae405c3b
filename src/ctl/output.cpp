#include "ctl/output.hpp"

#include <algorithm>
#include <iostream>
#include <stdexcept>

#include <unistd.h>

#include "base/text.hpp"

namespace users::ctl {
namespace {

constexpr std::size_t kLongestCell = 4096;

std::string cell_of(const json::Value& value) {
  if (std::holds_alternative<std::nullptr_t>(value.content)) return "";
  const auto* text = std::get_if<std::string>(&value.content);
  std::string cell;
  append_printable(cell, text != nullptr ? *text : json::text(value), kLongestCell);
  return cell;
}

/// Aligned in columns, or with tabs between.
void print_lines(std::ostream& out, Form form, const std::vector<std::vector<std::string>>& lines) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], count_code_points(line[i]) + 2);
    }
  }
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string blanks(widths[i] - count_code_points(line[i]), ' ');
      out << line[i] << (i + 1 == line.size() ? "\n" : form == Form::tabs ? "\t" : blanks);
    }
  }
}

}  // namespace

std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count).append(" ").append(noun).append(count == 1 ? "" : "s");
}

void flush_output() {
  if (!std::cout.flush()) {
    throw std::runtime_error("standard output cannot be written: is the disk full?");
  }
}

Form form_of_standard_output(bool json) {
  if (json) return Form::json;
  return ::isatty(STDOUT_FILENO) == 1 ? Form::columns : Form::tabs;
}

void print_rows(std::ostream& out, Form form, const std::vector<std::string>& columns,
                const std::vector<json::Object>& rows) {
  if (form == Form::json) {
    out << json::ascii_text(json::Array(rows.begin(), rows.end())) << '\n';
    return;
  }
  std::vector<std::vector<std::string>> lines;
  if (form == Form::columns) lines.push_back(columns);
  for (const json::Object& row : rows) {
    auto& line = lines.emplace_back();
    for (const json::Member& member : row) line.push_back(cell_of(member.value));
  }
  print_lines(out, form, lines);
}

void print_object(std::ostream& out, Form form, const json::Object& object) {
  if (form == Form::json) {
    out << json::ascii_text(object) << '\n';
    return;
  }
  std::vector<std::vector<std::string>> lines;
  for (const json::Member& member : object) lines.push_back({member.name, cell_of(member.value)});
  print_lines(out, form, lines);
}

}  // namespace users::ctl
