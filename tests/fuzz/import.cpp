// The file of an import. Input: the file.
#include <algorithm>

#include "accounts/foreign_hash.hpp"
#include "accounts/password.hpp"
#include "fuzz/fuzz.hpp"
#include "import/row.hpp"

namespace users {
namespace {

using fuzz::require;

bool is_date(std::string_view date) {
  constexpr std::string_view kForm = "0000-00-00 00:00:00";
  const auto fits = [](char c, char form) {
    return form == '0' ? c >= '0' && c <= '9' : c == form;
  };
  return date.empty() || std::ranges::equal(date, kForm, fits);
}

void look_at(const ImportRow& row, bool plain) {
  constexpr std::size_t kLongestHash = 255;  // the column's
  require(row.phone.e164().starts_with('+') && row.phone.e164().size() <= 16, "a phone in E.164");
  const std::string_view password = row.password.reveal();
  require(password.empty() == !plain && row.hash.empty() == plain, "a password or a hash");
  require(is_text(password) && count_code_points(password) <= kLongestPassword,
          "a password that a login can send");
  require(!plain || row.looks_hashed == (find_fault(password) != HashFault::form),
          "a hash is seen as one");
  require(plain || (row.hash.size() <= kLongestHash && !find_fault(row.hash)),
          "a hash that a login can verify");
  require(is_date(row.created) && is_date(row.disabled), "dates as the database takes them");
  require(row.created.empty() == (row.age == kUnknown), "an age where there is a date");
}

void read(const ImportFile& file) {
  LineReader lines(file);
  auto line = lines.next();
  if (!line) return;
  const ImportLayout layout = read_layout(*line);
  require(std::max({layout.phone, layout.password, layout.id.value_or(0),
                    layout.created.value_or(0)}) < layout.columns,
          "columns that are there");
  if (layout.heading) line = lines.next();
  for (std::uint64_t last = 0; line; line = lines.next()) {
    require(line->number > last && line->text.size() <= LineReader::kLongestLine, "lines in order");
    last = line->number;
    const auto judged = judge_row(layout, *line, "CN");
    if (const auto* row = std::get_if<ImportRow>(&judged)) {
      look_at(*row, layout.plain);
    } else {
      require(text_of(std::get<RowFault>(judged)) != "?", "a fault has words");
    }
  }
}

}  // namespace
}  // namespace users

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const users::fuzz::MemoryFile file;
  file.write(users::fuzz::view(data, size));
  try {
    users::read(users::ImportFile(file.path()));
  } catch (const users::ImportRefused& refusal) {
    users::fuzz::require(refusal.what()[0] != '\0', "a refusal has words");
  }
  return 0;
}
