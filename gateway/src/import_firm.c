/*
 * import_firm.c - makes what the history needs and the firm lacks, by an admin's calls.
 *
 * One department for all that is made here; one org per client; one account per author, a client's
 * person with the org, staff as accountants with the department; an assignment for each accountant
 * and client that it writes to. What exists is taken as it is, so that the next run makes nothing.
 */
#include "import.h"

#include <string.h>
#include <strings.h>

/* What can be listed, and made, by one method. */
struct kind {
    const char *method; /* which is the name of its list, too */
    const char *item;
    const char *name;
    int (*compare)(const char *, const char *);
};

static const struct kind departments = {"departments", "department", "name", strcmp};
static const struct kind orgs = {"orgs", "org", "name", strcmp};
static const struct kind accounts = {"accounts", "account", "login", strcasecmp};

/* Of one kind, as the firm has it. */
struct stock {
    const struct kind *kind;
    struct link *admin;
    json_t *list;
    unsigned made;
};

static json_int_t id_of(const json_t *item) {
    return json_integer_value(json_object_get(item, "id"));
}

/* False: *fault says why, NULL when the net failed. */
static bool stock_load(struct stock *stock, json_t **fault) {
    json_t *result = link_wait(stock->admin, stock->kind->method, json_object(), fault);

    json_decref(stock->list);
    stock->list = json_incref(json_object_get(result, stock->kind->method));
    json_decref(result);
    return result != NULL;
}

static json_t *stock_find(const struct stock *stock, const char *name) {
    json_t *item;
    size_t i;

    json_array_foreach(stock->list, i, item) {
        const char *its_name = json_string_value(json_object_get(item, stock->kind->name));

        if (its_name && stock->kind->compare(its_name, name) == 0)
            return item;
    }
    return NULL;
}

/* Finds the item of this name, or makes it with params (taken over). The result is the stock's;
 * NULL: *fault says why, NULL when the net failed. */
static json_t *stock_take(struct stock *stock, const char *name, json_t *params, json_t **fault) {
    json_t *result, *item = stock_find(stock, name);

    *fault = NULL;
    if (item) {
        json_decref(params);
        return item;
    }
    result = link_wait(stock->admin, stock->kind->method, params, fault);
    if (result) {
        item = json_object_get(result, stock->kind->item);
        json_array_append(stock->list, item);
        json_decref(result);
        stock->made++;
        return item;
    }
    /* The call before a lost connection may have made it, as may somebody else just now. */
    if (*fault && fault_code(*fault) == FAULT_CONFLICT) {
        json_t *conflict = *fault;

        if (stock_load(stock, fault) && !(item = stock_find(stock, name)))
            *fault = json_incref(conflict);
        json_decref(conflict);
    }
    return item;
}

static json_int_t topic_of(const json_t *org, const char *kind) {
    json_t *topic;
    size_t i;

    json_array_foreach(json_object_get(org, "topics"), i, topic) {
        const char *its_kind = json_string_value(json_object_get(topic, "kind"));

        if (its_kind && strcmp(its_kind, kind) == 0)
            return id_of(topic);
    }
    return 0;
}

static void clients_prepare(struct history *history, struct stock *stock, json_int_t department,
                            const char *topic_kind) {
    struct client *client;

    STAILQ_FOREACH(client, &history->clients, next) {
        json_t *org =
            stock_take(stock, client->name,
                       json_pack("{s:s, s:I}", "name", client->name, "department", department),
                       &client->fault);

        if (!org)
            continue;
        client->org = id_of(org);
        client->topic = topic_of(org, topic_kind);
        if (!client->topic)
            client->fault =
                fault_new(FAULT_PARAMS, "\"%s\" has no topic %s", client->name, topic_kind);
    }
}

/* An account that was there may be somebody else's. */
static void member_check(struct member *member, const json_t *account) {
    const char *role = json_string_value(json_object_get(account, "role"));
    bool client = role && strcmp(role, "client") == 0;

    member->accountant = role && strcmp(role, "accountant") == 0;
    if (client != (member->client != NULL))
        member->fault =
            fault_new(FAULT_CONFLICT, "the account \"%s\" is of the role %s", member->login, role);
    else if (client && json_integer_value(json_object_get(account, "org")) != member->client->org)
        member->fault = fault_new(FAULT_CONFLICT, "the account \"%s\" is not of \"%s\"",
                                  member->login, member->client->name);
}

static void members_prepare(struct history *history, struct stock *stock, json_int_t department,
                            const char *password) {
    struct member *member;

    STAILQ_FOREACH(member, &history->members, next) {
        json_t *params, *account;

        if (member->client && member->client->fault)
            continue;
        params = json_pack("{s:s, s:s, s:s, s:s*, s:I}", "login", member->login, "name",
                           member->login, "role", member->client ? "client" : "accountant",
                           "password", password, member->client ? "org" : "department",
                           member->client ? member->client->org : department);
        account = stock_take(stock, member->login, params, &member->fault);
        if (account) {
            member->account = id_of(account);
            member_check(member, account);
        }
    }
}

/* Returns how many stand; the fault of one that cannot be made becomes its member's. */
static unsigned pairings_prepare(struct history *history, struct link *admin) {
    struct pairing *pairing;
    unsigned stand = 0;

    STAILQ_FOREACH(pairing, &history->pairings, next) {
        struct member *member = pairing->member;
        json_t *params, *result;

        if (!member->accountant || member->fault || pairing->client->fault)
            continue;
        params = json_pack("{s:I, s:I}", "org", pairing->client->org, "account", member->account);
        result = link_wait(admin, "assign", params, &member->fault);
        if (result)
            stand++;
        json_decref(result);
    }
    return stand;
}

bool firm_prepare(struct link *admin, struct history *history, const char *department_name,
                  const char *topic_kind, const char *member_password, struct firm_made *made,
                  json_t **fault) {
    struct stock department = {&departments, admin, NULL, 0};
    struct stock org = {&orgs, admin, NULL, 0};
    struct stock account = {&accounts, admin, NULL, 0};
    json_t *home;
    bool good = false;

    if (stock_load(&department, fault) && stock_load(&org, fault) && stock_load(&account, fault) &&
        (home = stock_take(&department, department_name,
                           json_pack("{s:s}", "name", department_name), fault))) {
        clients_prepare(history, &org, id_of(home), topic_kind);
        members_prepare(history, &account, id_of(home), member_password);
        made->assignments = pairings_prepare(history, admin);
        made->departments = department.made;
        made->orgs = org.made;
        made->accounts = account.made;
        good = true;
    }
    json_decref(department.list);
    json_decref(org.list);
    json_decref(account.list);
    return good;
}
