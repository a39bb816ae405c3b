// Pass one of an import: judges every row, and decides which are imported.
#include <span>
#include <tuple>

#include "import/import.hpp"

namespace users {
namespace {

/// Read, or looked up in the database, between two calls of `tick`.
constexpr std::size_t kRowsAtOnce = 1000;

/// A good row, as little as deciding takes.
struct Candidate {
  std::uint64_t phone;
  std::uint64_t age;
  std::uint64_t id;
  PlannedRow row;
  std::bitset<kRemarks> remarks;

  [[nodiscard]] auto order() const {
    return std::tuple(phone, remarks.test(kDisabled), age, id, row.line);
  }
};

std::string e164_of(std::uint64_t phone) {
  return "+" + std::to_string(phone);
}

/// Orders by time: its digits as a number.
std::uint64_t age_of(std::string created) {
  std::erase_if(created, [](char c) { return c < '0' || c > '9'; });
  return created.empty() ? kUnknown : std::stoull(created);
}

std::vector<Candidate> read_all(ImportFile& file, const Config& config,
                                const std::vector<std::string>& ignore_columns,
                                const std::function<void()>& tick, ImportPlan& plan) {
  std::vector<Candidate> candidates;
  file.rewind();
  std::optional<Line> line = file.next();
  if (!line) throw ImportRefused("the file is empty");
  plan.layout = read_layout(*line, ignore_columns);
  if (plan.layout.heading) line = file.next();
  for (; line; line = file.next()) {
    if (++plan.rows % kRowsAtOnce == 0) tick();
    const ImportRow row = judge_row(plan.layout, *line, config.phone_default_region);
    if (row.fault != nullptr) {
      plan.findings.push_back({line->number, row.fault});
      ++plan.bad;
      continue;
    }
    candidates.push_back({.phone = std::stoull(row.phone.substr(1)),
                          .age = age_of(row.created),
                          .id = row.id,
                          .row = {line->number, plan.fingerprints.of(line->text)},
                          .remarks = row.remarks});
  }
  file.require_unchanged();
  return candidates;
}

/// Keeps the first of each phone.
void decide(std::vector<Candidate> candidates, db::Database& database,
            const std::function<void()>& tick, ImportPlan& plan) {
  std::ranges::sort(candidates, {}, &Candidate::order);
  const Candidate* kept = nullptr;
  std::map<std::string, User> registered;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i % kRowsAtOnce == 0) {
      tick();
      std::vector<std::string> phones;
      for (const auto& next :
           std::span(candidates).subspan(i).first(std::min(kRowsAtOnce, candidates.size() - i))) {
        phones.push_back(e164_of(next.phone));
      }
      registered = find_registered(database, phones);
    }
    const auto& [phone, age, id, row, remarks] = candidates[i];
    if (kept != nullptr && kept->phone == phone) {
      plan.findings.push_back(
          {row.line, "another row of this phone counts", phone, kept->row.line});
      ++plan.duplicates;
      continue;
    }
    kept = &candidates[i];
    if (const auto user = registered.find(e164_of(phone)); user != registered.end()) {
      plan.findings.push_back({row.line, "the phone has an account already", phone});
      ++plan.registered;
      if (remarks[kDisabled] && !user->second.disabled) plan.remarks[kDisabledBefore].add(row.line);
      continue;
    }
    plan.todo.push_back(row);
    for (std::size_t remark = 0; remark < kRemarks; ++remark) {
      if (remarks[remark]) plan.remarks.at(remark).add(row.line);
    }
  }
  std::ranges::sort(plan.todo, {}, &PlannedRow::line);
  std::ranges::sort(plan.findings, {}, &ExcludedRow::line);
}

}  // namespace

ImportPlan plan_import(ImportFile& file, const Config& config, db::Database& database,
                       const std::function<void()>& tick,
                       const std::vector<std::string>& ignore_columns) {
  ImportPlan plan;
  decide(read_all(file, config, ignore_columns, tick, plan), database, tick, plan);
  return plan;
}

}  // namespace users
