// Pass one of an import: judges every row, and decides which are imported.
#include <span>
#include <tuple>

#include "import/import.hpp"

namespace users {
namespace {

/// Read, or looked up in the database, before `stopped` is asked again.
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

/// Returns false if it was stopped.
bool read_all(ImportFile& file, const Config& config,
              const std::vector<std::string>& ignore_columns, const std::function<bool()>& stopped,
              ImportPlan& plan, std::vector<Candidate>& candidates) {
  file.rewind();
  std::optional<Line> line = file.next();
  if (!line) throw ImportRefused("the file is empty");
  plan.layout = read_layout(*line, ignore_columns);
  if (plan.layout.heading) line = file.next();
  for (; line; line = file.next()) {
    if (++plan.rows % kRowsAtOnce == 0 && stopped()) return false;
    const ImportRow row = judge_row(plan.layout, *line, config.phone_default_region);
    if (row.fault != nullptr) {
      plan.findings.push_back({.line = line->number, .fault = row.fault});
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
  return true;
}

/// Decides about the row of a phone that is kept.
void decide(const Candidate& candidate, const User* registered, ImportPlan& plan) {
  const std::uint64_t line = candidate.row.line;
  if (registered == nullptr) {
    plan.todo.push_back(candidate.row);
    for (std::size_t i = 0; i < kRemarks; ++i) {
      if (candidate.remarks[i]) plan.remarks.at(i).add(line);
    }
    return;
  }
  plan.findings.push_back({.line = line, .phone = candidate.phone});
  ++plan.registered;
  if (candidate.remarks[kDisabled] && !registered->disabled) {
    plan.remarks[kDisabledBefore].add(line);
  }
}

/// Returns false if it was stopped.
bool decide_all(std::vector<Candidate> candidates, db::Database& database,
                const std::function<bool()>& stopped, ImportPlan& plan) {
  std::ranges::sort(candidates, {}, &Candidate::order);
  const Candidate* kept = nullptr;
  for (std::span<const Candidate> rest = candidates; !rest.empty();) {
    if (stopped()) return false;
    const auto some = rest.first(std::min(kRowsAtOnce, rest.size()));
    rest = rest.subspan(some.size());
    std::vector<std::string> phones;
    for (const Candidate& candidate : some) phones.push_back(e164_of(candidate.phone));
    const auto registered = find_registered(database, phones);
    for (const Candidate& candidate : some) {
      if (kept != nullptr && kept->phone == candidate.phone) {
        plan.findings.push_back({candidate.row.line, nullptr, candidate.phone, kept->row.line});
        ++plan.duplicates;
        continue;
      }
      kept = &candidate;
      const auto user = registered.find(e164_of(candidate.phone));
      decide(candidate, user == registered.end() ? nullptr : &user->second, plan);
    }
  }
  return true;
}

}  // namespace

std::optional<ImportPlan> plan_import(ImportFile& file, const Config& config,
                                      db::Database& database, const std::function<bool()>& stopped,
                                      const std::vector<std::string>& ignore_columns) {
  ImportPlan plan;
  std::vector<Candidate> candidates;
  if (!read_all(file, config, ignore_columns, stopped, plan, candidates) ||
      !decide_all(std::move(candidates), database, stopped, plan)) {
    return std::nullopt;
  }
  std::ranges::sort(plan.todo, {}, &PlannedRow::line);
  std::ranges::sort(plan.findings, {}, &Finding::line);
  return plan;
}

}  // namespace users
