#include "programs/ctl/output.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/text.hpp"

namespace users::ctl {
namespace {

constexpr std::size_t kLongestCell = 4096;

/// As ASCII: a terminal that sees it obeys nothing of what was stored, and any reader of JSON gets
/// the text back. Bytes that are no text become U+FFFD.
std::string text_of(const nlohmann::ordered_json& value) {
  constexpr int kIndent = 2;
  constexpr bool kOnlyAscii = true;
  return value.dump(kIndent, ' ', kOnlyAscii, nlohmann::ordered_json::error_handler_t::replace);
}

std::string cell_of(const nlohmann::ordered_json& value) {
  if (value.is_null()) return "";
  std::string cell;
  append_printable(cell, value.is_string() ? value.get<std::string>() : value.dump(), kLongestCell);
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

Form form_of_standard_output(bool json) {
  if (json) return Form::json;
  return ::isatty(STDOUT_FILENO) == 1 ? Form::columns : Form::tabs;
}

void print_rows(std::ostream& out, Form form, const std::vector<std::string>& columns,
                const std::vector<nlohmann::ordered_json>& rows) {
  if (form == Form::json) {
    out << text_of(nlohmann::ordered_json(rows)) << '\n';
    return;
  }
  std::vector<std::vector<std::string>> lines;
  if (form == Form::columns) lines.push_back(columns);
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const std::string& column : columns) line.push_back(cell_of(row.at(column)));
  }
  print_cells(out, lines, form == Form::columns);
}

void print_object(std::ostream& out, Form form, const nlohmann::ordered_json& object) {
  if (form == Form::json) {
    out << text_of(object) << '\n';
    return;
  }
  std::vector<std::vector<std::string>> lines;
  for (const auto& [name, value] : object.items()) lines.push_back({name, cell_of(value)});
  print_cells(out, lines, form == Form::columns);
}

}  // namespace users::ctl
