#include "accounts/import_plan.hpp"

#include <algorithm>
#include <tuple>

#include "accounts/import_store.hpp"

namespace users {
namespace {

constexpr std::uint64_t kRowsBetweenLooks = 1000;
constexpr std::size_t kPhonesInOneLookup = 1000;

/// A good row, as little as deciding takes.
struct Candidate {
  PhoneNumber phone;
  std::uint64_t age;
  std::uint64_t id;
  std::uint64_t line;
  std::uint64_t fingerprint;

  [[nodiscard]] auto order() const { return std::tie(phone, age, id, line); }
};

/// False where it was stopped.
bool read_all(LineReader& reader, const Config& config,
              const std::vector<std::string>& ignore_columns, const std::function<bool()>& stopped,
              ImportPlan& plan, std::vector<Candidate>& candidates) {
  std::optional<Line> line = reader.next();
  if (!line) throw ImportRefused("the file is empty");
  plan.layout = read_layout(*line, ignore_columns);
  if (plan.layout.heading) line = reader.next();
  for (; line; line = reader.next()) {
    if (++plan.rows % kRowsBetweenLooks == 0 && stopped()) return false;
    const auto judged = judge_row(plan.layout, *line, config.phone_default_region);
    if (const auto* fault = std::get_if<RowFault>(&judged)) {
      if (*fault == RowFault::heading) {
        throw ImportRefused("line " + std::to_string(line->number) +
                            " is a second heading: import each table from a file of its own");
      }
      plan.findings.push_back({line->number, *fault});
      continue;
    }
    const auto& row = std::get<ImportRow>(judged);
    if (row.looks_hashed) ++plan.looks_hashed;
    if (row.lost_date) plan.lost_dates.add(line->number);
    if (row.unclear) plan.unclear.add(line->number);
    if (!row.disabled.empty()) plan.disabled.add(line->number);
    candidates.push_back(
        {number_of(row.phone), row.age, row.id, line->number, plan.fingerprints.of(line->text)});
  }
  return true;
}

void keep_oldest(std::vector<Candidate>& candidates, ImportPlan& plan) {
  std::ranges::sort(candidates, [](const auto& a, const auto& b) { return a.order() < b.order(); });
  for (const Candidate& candidate : candidates) {
    if (!plan.todo.empty() && plan.todo.back().phone == candidate.phone) {
      plan.findings.push_back(
          {candidate.line, RowFault::duplicate, candidate.phone, plan.todo.back().line});
      ++plan.duplicates;
    } else {
      plan.todo.push_back({candidate.line, candidate.phone, candidate.fingerprint});
    }
  }
}

/// False where it was stopped.
bool drop_registered(db::Database& database, const std::function<bool()>& stopped,
                     ImportPlan& plan) {
  std::vector<PlannedRow> left;
  for (std::size_t begin = 0; begin < plan.todo.size(); begin += kPhonesInOneLookup) {
    if (stopped()) return false;
    const std::size_t end = std::min(begin + kPhonesInOneLookup, plan.todo.size());
    std::vector<std::string> phones;
    for (std::size_t i = begin; i < end; ++i) phones.push_back(phone_of(plan.todo[i].phone));
    const auto found = database.replay(
        [&](db::Connection& connection) { return store::find_registered(connection, phones); });
    for (std::size_t i = begin; i < end; ++i) {
      const PlannedRow& row = plan.todo[i];
      if (!found.contains(phones[i - begin])) {
        left.push_back(row);
        continue;
      }
      plan.findings.push_back({row.line, RowFault::registered, row.phone});
      ++plan.registered;
    }
  }
  plan.todo = std::move(left);
  return true;
}

}  // namespace

PhoneNumber number_of(const Phone& phone) {
  return std::stoull(phone.e164().substr(1));
}

std::string phone_of(PhoneNumber number) {
  return "+" + std::to_string(number);
}

std::optional<ImportPlan> plan_import(const ImportFile& file, const Config& config,
                                      db::Database& database, const std::function<bool()>& stopped,
                                      const std::vector<std::string>& ignore_columns) {
  ImportPlan plan;
  std::vector<Candidate> candidates;
  LineReader reader(file);
  if (!read_all(reader, config, ignore_columns, stopped, plan, candidates)) return std::nullopt;
  file.require_unchanged();
  keep_oldest(candidates, plan);
  candidates = {};
  if (!drop_registered(database, stopped, plan)) return std::nullopt;
  std::ranges::sort(plan.todo, {}, &PlannedRow::line);
  std::ranges::sort(plan.findings, {}, &Finding::line);
  return plan;
}

}  // namespace users
