#include "metrics/metrics.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "base/log.hpp"

namespace users {
namespace {

struct Bucket {
  std::uint64_t nanoseconds;  ///< upper bound
  std::string_view seconds;   ///< as in the label
};

constexpr Bucket kBuckets[] = {
    {100'000, "0.0001"},   {250'000, "0.00025"}, {500'000, "0.0005"},   {1'000'000, "0.001"},
    {2'500'000, "0.0025"}, {5'000'000, "0.005"}, {10'000'000, "0.01"},  {25'000'000, "0.025"},
    {50'000'000, "0.05"},  {100'000'000, "0.1"}, {250'000'000, "0.25"}, {1'000'000'000, "1"},
    {5'000'000'000, "5"},
};
/// After the buckets: one for longer times, and the sum.
constexpr std::size_t kInfinity = std::size(kBuckets);
constexpr std::size_t kSum = kInfinity + 1;
static_assert(kSum < MetricSlot::kValues);

std::string key_of(std::string_view name, std::string_view labels) {
  std::string key(name);
  if (!labels.empty()) key.append("{").append(labels).append("}");
  return key;
}

std::string_view key_of(const MetricSlot& slot) {
  return {slot.key.data(), std::min<std::size_t>(slot.key_size, MetricSlot::kLongestKey)};
}

std::string line(std::string_view name, std::string_view labels, std::string_view value) {
  return key_of(name, labels).append(" ").append(value).append("\n");
}

std::string in_seconds(std::uint64_t microseconds) {
  constexpr std::uint64_t kSecond = 1'000'000;
  const std::string fraction = std::to_string(kSecond + microseconds % kSecond);
  return std::to_string(microseconds / kSecond) + "." + fraction.substr(1);
}

std::string histogram_lines(const std::string& name, const std::string& labels,
                            const MetricSlot& slot) {
  const std::string before = (labels.empty() ? "" : labels + ",") + "le=\"";
  std::string lines;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= kInfinity; ++i) {
    count += slot.values.at(i).load(std::memory_order_relaxed);
    std::string bucket = before;
    bucket.append(i < kInfinity ? kBuckets[i].seconds : "+Inf").append("\"");
    lines += line(name + "_bucket", bucket, std::to_string(count));
  }
  lines +=
      line(name + "_sum", labels, in_seconds(slot.values.at(kSum).load(std::memory_order_relaxed)));
  return lines + line(name + "_count", labels, std::to_string(count));
}

/// Number of complete slots; never more than exist, whatever the memory says.
std::uint32_t used_of(const MetricsLayout& layout) {
  return std::min(layout.used.load(std::memory_order_acquire), MetricsLayout::kSlots);
}

/// All series of one name. Samples are kept by label, so the output is sorted.
struct Family {
  MetricKind kind{};
  std::string_view help;
  std::map<std::string, std::string> samples;
};

using Families = std::map<std::string, Family>;

/// The catalogue's families; a counter without labels starts at 0 before its first use.
Families catalogue() {
  Families families;
  for (std::size_t i = 0; i < static_cast<std::size_t>(MetricId::count_); ++i) {
    const MetricRow& row = describe(static_cast<MetricId>(i));
    Family& family = families[std::string(row.name)];
    family.kind = row.kind;
    family.help = row.help;
    if (row.kind == MetricKind::counter && !row.labelled) {
      family.samples[""] = line(row.name, "", "0");
    }
  }
  return families;
}

void add(Families& families, const MetricSlot& slot) {
  const std::string_view key = key_of(slot);
  const std::size_t brace = std::min(key.find('{'), key.size());
  const std::string name(key.substr(0, brace));
  const std::string labels(brace == key.size() ? ""
                                               : key.substr(brace + 1, key.size() - brace - 2));
  Family& family = families[name];
  // Another release that shares the file may have metrics without help here.
  if (family.kind == MetricKind{}) {
    const bool is_histogram = MetricKind{slot.kind} == MetricKind::histogram;
    family.kind = is_histogram ? MetricKind::histogram : MetricKind::counter;
  }
  family.samples[labels] =
      family.kind == MetricKind::histogram
          ? histogram_lines(name, labels, slot)
          : line(name, labels, std::to_string(slot.values[0].load(std::memory_order_relaxed)));
}

std::string_view name_of(MetricKind kind) {
  constexpr std::string_view kNames[] = {"", "counter", "histogram", "gauge"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string text_of(const Families& families) {
  std::string text;
  for (const auto& [name, family] : families) {
    if (!family.help.empty())
      text.append("# HELP ").append(name).append(" ").append(family.help).append("\n");
    text.append("# TYPE ").append(name).append(" ").append(name_of(family.kind)).append("\n");
    for (const auto& [labels, lines] : family.samples) text += lines;
  }
  return text;
}

}  // namespace

void Histogram::observe(std::chrono::nanoseconds took) const {
  if (slot_ == nullptr) return;
  const auto nanoseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
  std::size_t bucket = 0;
  while (bucket < kInfinity && nanoseconds > kBuckets[bucket].nanoseconds) ++bucket;
  slot_->values[bucket].fetch_add(1, std::memory_order_relaxed);
  slot_->values[kSum].fetch_add(nanoseconds / 1000, std::memory_order_relaxed);
}

MetricSlot* Metrics::slot(MetricId id, std::string_view labels) {
  const std::string key = key_of(describe(id).name, labels);
  if (MetricSlot* found = find(key)) return found;
  if (full_ || std::chrono::steady_clock::now() < next_append_) return nullptr;
  const BriefLock lock(memory_.descriptor());
  if (!lock.held()) {
    constexpr std::chrono::seconds kPause{1};
    next_append_ = std::chrono::steady_clock::now() + kPause;
    return nullptr;
  }
  MetricSlot* other = find(key);  // added by another process in the meantime
  return other != nullptr ? other : append(id, key);
}

MetricSlot* Metrics::find(std::string_view key) const {
  MetricsLayout& layout = memory_.layout();
  auto* const end = layout.slots.begin() + used_of(layout);
  auto* const found = std::find_if(layout.slots.begin(), end,
                                   [&](const MetricSlot& slot) { return key_of(slot) == key; });
  return found == end ? nullptr : found;
}

MetricSlot* Metrics::append(MetricId id, std::string_view key) {
  MetricsLayout& layout = memory_.layout();
  const std::uint32_t used = used_of(layout);
  if (used >= MetricsLayout::kSlots || key.size() > MetricSlot::kLongestKey) {
    full_ = full_ || used >= MetricsLayout::kSlots;
    log::warning({"metrics: no room for ", key, "; new series are not counted"});
    return nullptr;
  }
  // A process that died here may have left anything in the slot.
  MetricSlot& slot = layout.slots.at(used);
  slot.kind = static_cast<std::uint32_t>(describe(id).kind);
  slot.key_size = static_cast<std::uint32_t>(key.size());
  std::ranges::copy(key, slot.key.begin());
  for (auto& value : slot.values) value.store(0, std::memory_order_relaxed);
  layout.used.store(used + 1, std::memory_order_release);
  return &slot;
}

std::string Metrics::render(std::span<const GaugeSample> gauges) const {
  Families families = catalogue();
  const MetricsLayout& layout = memory_.layout();
  const std::uint32_t used = used_of(layout);
  for (std::uint32_t i = 0; i < used; ++i) {
    if (is_sound(layout.slots.at(i))) add(families, layout.slots.at(i));
  }
  for (const GaugeSample& sample : gauges) {
    const std::string_view name = describe(sample.id).name;
    families[std::string(name)].samples[sample.labels] =
        line(name, sample.labels, std::to_string(sample.value));
  }
  return text_of(families);
}

}  // namespace users
