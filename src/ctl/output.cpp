#include "ctl/output.hpp"

#include <algorithm>

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

void print_line(std::ostream& out, const std::vector<std::string>& cells,
                const std::vector<std::size_t>& widths) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out << cells[i];
    if (i + 1 == cells.size()) break;
    if (widths.empty()) {
      out << '\t';
    } else {
      out << std::string(widths[i] - count_code_points(cells[i]) + 2, ' ');
    }
  }
  out << '\n';
}

void print_cells(std::ostream& out, const std::vector<std::vector<std::string>>& lines,
                 bool aligned) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    if (!aligned) break;
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], count_code_points(line[i]));
    }
  }
  for (const auto& line : lines) print_line(out, line, widths);
}

}  // namespace

std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count).append(" ").append(noun).append(count == 1 ? "" : "s");
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
  print_cells(out, lines, form == Form::columns);
}

void print_object(std::ostream& out, Form form, const json::Object& object) {
  if (form == Form::json) {
    out << json::ascii_text(object) << '\n';
    return;
  }
  std::vector<std::vector<std::string>> lines;
  for (const json::Member& member : object) lines.push_back({member.name, cell_of(member.value)});
  print_cells(out, lines, form == Form::columns);
}

}  // namespace users::ctl
