// What users-ctl prints: tab-separated for pipes, aligned columns on a terminal, or JSON.
#include <algorithm>
#include <iostream>

#include <unistd.h>

#include "base/text.hpp"
#include "ctl/command.hpp"

namespace users::ctl {
namespace {

constexpr std::size_t kLongestCell = 4096;

std::string cell_of(const json::Value& value) {
  if (std::holds_alternative<std::nullptr_t>(value.content)) return "";
  const auto* text = std::get_if<std::string>(&value.content);
  return printable(text != nullptr ? *text : json::text(value), kLongestCell);
}

/// Aligned in columns, or with tabs between.
void print_lines(Form form, const std::vector<std::vector<std::string>>& lines) {
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
      std::cout << line[i] << (i + 1 == line.size() ? "\n" : form == Form::tabs ? "\t" : blanks);
    }
  }
}

}  // namespace

Form Call::form() const {
  if (has("json")) return Form::json;
  return ::isatty(STDOUT_FILENO) == 1 ? Form::columns : Form::tabs;
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count).append(" ").append(noun).append(count == 1 ? "" : "s");
}

void print_table(Form form, const std::vector<std::string>& columns,
                 const std::vector<std::vector<json::Value>>& rows) {
  json::Array objects;
  std::vector<std::vector<std::string>> lines;
  if (form == Form::columns) lines.push_back(columns);
  for (const auto& row : rows) {
    json::Object object;
    auto& line = lines.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      object.push_back({columns[i], row[i]});
      line.push_back(cell_of(row[i]));
    }
    objects.emplace_back(std::move(object));
  }
  if (form == Form::json) {
    std::cout << json::ascii_text(objects) << '\n';
  } else {
    print_lines(form, lines);
  }
}

void print_object(const Call& call, const json::Object& object) {
  if (call.form() == Form::json) {
    std::cout << json::ascii_text(object) << '\n';
    return;
  }
  std::vector<std::vector<std::string>> lines;
  for (const json::Member& member : object) lines.push_back({member.name, cell_of(member.value)});
  print_lines(call.form(), lines);
}

}  // namespace users::ctl
