#include "import/plan.hpp"

#include <algorithm>
#include <tuple>

#include "import/store.hpp"

namespace users {
namespace {

constexpr std::uint64_t kRowsBetweenLooks = 1000;
constexpr std::size_t kPhonesInOneLookup = 1000;

/// A good row, as little as deciding takes.
struct Candidate {
  PhoneNumber phone;
  bool disabled;
  std::uint64_t age;
  std::uint64_t id;
  std::uint64_t line;
  std::uint64_t fingerprint;

  [[nodiscard]] auto order() const { return std::tie(phone, disabled, age, id, line); }
};

/// What the operator is told of a row, if it is imported.
struct Remark {
  std::uint64_t line;
  RowCount ImportPlan::*count;
};

/// False where it was stopped.
bool read_all(LineReader& reader, const Config& config,
              const std::vector<std::string>& ignore_columns, const std::function<bool()>& stopped,
              ImportPlan& plan, std::vector<Candidate>& candidates, std::vector<Remark>& remarks) {
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
      plan.findings.push_back({.line = line->number, .fault = *fault});
      continue;
    }
    const auto& row = std::get<ImportRow>(judged);
    if (row.looks_hashed) ++plan.looks_hashed;
    if (row.lost_date) remarks.push_back({line->number, &ImportPlan::lost_dates});
    if (row.unclear) remarks.push_back({line->number, &ImportPlan::unclear});
    if (!row.disabled.empty()) remarks.push_back({line->number, &ImportPlan::disabled});
    candidates.push_back({number_of(row.phone), !row.disabled.empty(), row.age, row.id,
                          line->number, plan.fingerprints.of(line->text)});
  }
  return true;
}

void keep_oldest(std::vector<Candidate>& candidates, ImportPlan& plan) {
  std::ranges::sort(candidates, [](const auto& a, const auto& b) { return a.order() < b.order(); });
  for (const Candidate& candidate : candidates) {
    if (!plan.todo.empty() && plan.todo.back().phone == candidate.phone) {
      plan.findings.push_back({.line = candidate.line,
                               .fault = RowFault::duplicate,
                               .phone = candidate.phone,
                               .kept = plan.todo.back().line});
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
        [&](db::Connection& connection) { return find_registered(connection, phones); });
    for (std::size_t i = begin; i < end; ++i) {
      const PlannedRow& row = plan.todo[i];
      const auto user = found.find(phones[i - begin]);
      if (user == found.end()) {
        left.push_back(row);
        continue;
      }
      plan.findings.push_back({.line = row.line,
                               .fault = RowFault::registered,
                               .enabled = user->second.enabled,
                               .phone = row.phone});
      ++plan.registered;
    }
  }
  plan.todo = std::move(left);
  return true;
}

void count(const std::vector<Remark>& remarks, ImportPlan& plan) {
  for (const Remark& remark : remarks) {
    if (std::ranges::binary_search(plan.todo, remark.line, {}, &PlannedRow::line)) {
      (plan.*remark.count).add(remark.line);
      continue;
    }
    const auto out = std::ranges::lower_bound(plan.findings, remark.line, {}, &Finding::line);
    if (remark.count == &ImportPlan::disabled && out->enabled) {
      plan.disabled_before.add(remark.line);
    }
  }
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
  std::vector<Remark> remarks;
  LineReader reader(file);
  if (!read_all(reader, config, ignore_columns, stopped, plan, candidates, remarks)) {
    return std::nullopt;
  }
  file.require_unchanged();
  keep_oldest(candidates, plan);
  candidates = {};
  if (!drop_registered(database, stopped, plan)) return std::nullopt;
  std::ranges::sort(plan.todo, {}, &PlannedRow::line);
  std::ranges::sort(plan.findings, {}, &Finding::line);
  count(remarks, plan);
  return plan;
}

}  // namespace users
