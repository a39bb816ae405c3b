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
  require(row.phone.starts_with('+') && row.phone.size() <= 16, "a phone in E.164");
  const std::string_view password = row.password.reveal();
  require(password.empty() == !plain && row.hash.empty() == plain, "a password or a hash");
  require(is_text(password) && count_code_points(password) <= kLongestPassword,
          "a password that a login can send");
  require(!plain || row.remarks[kLooksHashed] == (find_fault(password) != HashFault::form),
          "a hash is seen as one");
  require(plain || (row.hash.size() <= kLongestHash && find_fault(row.hash) == HashFault::none),
          "a hash that a login can verify");
  require(is_date(row.created) && is_date(row.disabled), "dates as the database takes them");
  require(row.remarks[kDisabled] == !row.disabled.empty(), "a remark about a disabled account");
}

void read(ImportFile& file) {
  auto line = file.next();
  if (!line) return;
  const ImportLayout layout = read_layout(*line);
  require(std::ranges::count(layout.columns, Column::phone) == 1 &&
              layout.has(Column::password) != layout.has(Column::hash),
          "a phone, and a password or a hash");
  if (layout.heading) line = file.next();
  for (std::uint64_t last = 0; line; line = file.next()) {
    require(line->number > last && line->text.size() <= ImportFile::kLongestLine, "lines in order");
    last = line->number;
    const ImportRow row = judge_row(layout, *line, "CN");
    if (row.fault == nullptr) look_at(row, layout.has(Column::password));
  }
}

}  // namespace
}  // namespace users

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const users::fuzz::MemoryFile file;
  file.write(users::fuzz::view(data, size));
  try {
    users::ImportFile table(file.path());
    users::read(table);
  } catch (const users::ImportRefused& refusal) {
    users::fuzz::require(refusal.what()[0] != '\0', "a refusal has words");
  }
  return 0;
}
