/* check.c: loss, duplicates and order. The offsets of a room go up by one; a jump is a loss until what is missing
 * comes late, which is disorder. A message that comes at two offsets was kept twice. */
#include "check.h"

static void gap_add(struct check *check, const struct seat *seat, int64_t socket, uint64_t from, uint64_t to);
static bool token_is_new(struct check *check, const struct publication *publication);

void seat_place(struct seat *seat, uint64_t offset)
{
    seat->offset = offset;
    seat->heard = UINT64_MAX;
    seat->has_position = true;
}

bool check_delivery(struct check *check, struct seat *seat, int64_t socket, const struct publication *publication)
{
    uint64_t offset = publication->offset;
    check->counts.deliveries++;
    if (publication->is_ours && !token_is_new(check, publication)) {
        /* Its offset is new, so it is no gap; but it was said before. */
        check->counts.duplicates++;
    }
    if (!seat->has_position) {
        seat_place(seat, offset);
        return true;
    }
    if (offset > seat->offset) {
        uint64_t step = offset - seat->offset;
        if (step > 1) {
            check->counts.lost += step - 1;
            gap_add(check, seat, socket, seat->offset + 1, offset - 1);
        }
        seat->heard = step < 64 ? seat->heard << step | 1 : 1;
        seat->offset = offset;
        return true;
    }
    uint64_t age = seat->offset - offset;
    if (age >= 64 || (seat->heard >> age & 1)) {
        check->counts.duplicates++;
        return false;
    }
    seat->heard |= UINT64_C(1) << age;
    check->counts.disorder++;
    check->counts.lost--;
    for (size_t i = 0; i < check->gap_count; i++) {
        struct gap *gap = &check->gaps[i];
        if (gap->seat == seat && offset >= gap->from && offset <= gap->to)
            gap->missing--;
    }
    return true;
}

void check_end(struct check *check, struct seat *seat, int64_t socket, uint64_t offset)
{
    if (!seat->has_position || offset <= seat->offset)
        return;
    check->counts.lost += offset - seat->offset;
    gap_add(check, seat, socket, seat->offset + 1, offset);
    seat->offset = offset;
}

static void gap_add(struct check *check, const struct seat *seat, int64_t socket, uint64_t from, uint64_t to)
{
    if (check->gap_count < GAPS_MAX)
        check->gaps[check->gap_count++] = (struct gap){seat, socket, from, to, to - from + 1};
}

/* False: it came at another offset before. */
static bool token_is_new(struct check *check, const struct publication *publication)
{
    uint64_t token = (uint64_t)publication->process << 32 | publication->sequence;
    size_t slot = (publication->sequence + publication->process * 7919U) % TOKENS;
    if (check->tokens[slot].token == token && check->tokens[slot].offset > 0)
        return check->tokens[slot].offset == publication->offset;
    check->tokens[slot].token = token;
    check->tokens[slot].offset = publication->offset;
    return true;
}
