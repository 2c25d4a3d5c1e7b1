//! The steps in the life of a circuit: each is a change of the daemon's configuration, as `PUT /v1/config` makes it.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use edge_api::{CircuitKeys, CircuitRecord, CircuitStep, CircuitStepped, ErrorDocument};
use serde_json::json;

use super::{
    super::{
        error::ApiError,
        role::Operator,
        shared::{InQuery, ServerState},
    },
    apply_query::ApplyQuery,
    change::expected,
    config::changes,
    if_match::IfMatch,
};
use crate::{
    config::{self, CircuitEdit, CircuitPart, Config, EditError, EditKeys, Provisioning, Wish},
    daemon::engine::{Engine, new_config::NewConfig},
};

/// Takes a step in the life of a circuit: the change is in effect, and in the daemon's file, or, with an error, nothing is
/// changed. With `dry_run`, the answer is what would change.
#[utoipa::path(
    post,
    path = "/v1/circuits/{name}/steps",
    tag = "change",
    params(
        ("name" = String, Path, description = "The circuit's name."),
        ApplyQuery,
        IfMatch
    ),
    request_body = CircuitStep,
    responses(
        (status = OK, description = "The change and the circuit after it. With `dry_run`, `ConfigChanges`.", body = CircuitStepped),
        (status = BAD_REQUEST, description = "The query or the body is none.", body = ErrorDocument),
        (status = FORBIDDEN, description = "The client may only look.", body = ErrorDocument),
        (status = NOT_FOUND, description = "There is no such circuit, peering or link.", body = ErrorDocument),
        (status = CONFLICT, description = "There is such a circuit already; or it is at another step; or the daemon's file has another configuration than the one that runs; or a change waits for its confirmation.", body = ErrorDocument),
        (status = PRECONDITION_FAILED, description = "Another configuration runs.", body = ErrorDocument),
        (status = UNPROCESSABLE_ENTITY, description = "The configuration would be wrong.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The machine refused it, or the file can't be written. Or the change is in effect, and a later step failed, which the message says.", body = ErrorDocument),
        (status = SERVICE_UNAVAILABLE, description = "The machine has no room for it, the ledger can't be written, or the daemon is ending: nothing was changed, and the same request may do later.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn step(
    operator: Operator,
    State(state): State<ServerState>,
    Path(name): Path<String>,
    InQuery(query): InQuery<ApplyQuery>,
    headers: HeaderMap,
    request: Result<Json<CircuitStep>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(step) = request?;
    let confirm = query.confirm_within()?;
    let told = told(&step, &name);
    let (engine, circuit) = (state.engine.clone(), name.clone());
    let prepared = tokio::task::spawn_blocking(move || prepare(&engine, &circuit, step));
    let (other, running) = prepared.await.map_err(|error| ApiError::internal(&error))??;
    if query.dry_run {
        return Ok(Json(changes(&state, other).await?).into_response());
    }
    // A change between the look and this one would be undone by it.
    let expected = expected(&headers)?.unwrap_or(running);
    let message = query.message.map(|message| format!("{told}: {message}")).unwrap_or(told);
    let requester = operator.requester(Some(message)).await;
    let applied = state.engine.apply(other, confirm, requester, Some(expected)).await?;
    let circuit = record_of(&state, &name).await?;
    Ok(Json(CircuitStepped { applied, circuit }).into_response())
}

/// A circuit as its provider and its customer know it.
#[utoipa::path(
    get,
    path = "/v1/circuits/{name}/record",
    tag = "look",
    params(("name" = String, Path, description = "The circuit's name.")),
    responses(
        (status = OK, description = "The document of `edge circuit show --json`.", body = CircuitRecord),
        (status = NOT_FOUND, description = "There is no such circuit.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn record(
    State(state): State<ServerState>,
    Path(name): Path<String>,
) -> Result<Json<CircuitRecord>, ApiError> {
    let record = record_of(&state, &name).await?;
    Ok(Json(record.ok_or_else(|| ApiError::no_circuit(&name))?))
}

/// The record of a circuit; `None`: there is no such circuit.
async fn record_of(state: &ServerState, name: &str) -> Result<Option<CircuitRecord>, ApiError> {
    // A change may be stored, and the answer waits for it.
    let (engine, name) = (state.engine.clone(), name.to_owned());
    let record = tokio::task::spawn_blocking(move || engine.circuit_record(&name)).await;
    record.map_err(|error| ApiError::internal(&error))
}

/// The step in the history's words.
fn told(step: &CircuitStep, circuit: &str) -> String {
    match step {
        CircuitStep::New { .. } => format!("circuit new {circuit}"),
        CircuitStep::Provision { begin: true, .. } => {
            format!("circuit provision {circuit} (begun)")
        }
        CircuitStep::Provision { .. } => format!("circuit provision {circuit}"),
        CircuitStep::Deprovision => format!("circuit deprovision {circuit}"),
        CircuitStep::Peering { kind, keys: Some(_) } => format!("circuit peering {circuit} {kind}"),
        CircuitStep::Peering { kind, keys: None } => {
            format!("circuit peering {circuit} {kind} removed")
        }
        CircuitStep::Link { vnet, keys: Some(_) } => format!("circuit link {circuit} {vnet}"),
        CircuitStep::Link { vnet, keys: None } => format!("circuit link {circuit} {vnet} removed"),
        CircuitStep::Delete => format!("circuit delete {circuit}"),
    }
}

/// The configuration after a step, and the digest of the one before.
fn prepare(
    engine: &Engine,
    circuit: &str,
    step: CircuitStep,
) -> Result<(NewConfig, String), ApiError> {
    let (file, running) = engine.file_of_what_runs()?;
    let edit = edit(&file.config, circuit, step)?;
    let text = config::edited(file.text(), circuit, &edit).map_err(|error| {
        let status = match &error {
            EditError::NoCircuit(_) | EditError::NoPart(..) => StatusCode::NOT_FOUND,
            EditError::Exists(_) => StatusCode::CONFLICT,
            EditError::Value(_) | EditError::Text(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        ApiError::new(status, error.to_string(), None)
    })?;
    let other = engine.new_config(text).map_err(|errors| ApiError::from(&errors))?;
    Ok((other, running))
}

fn edit(config: &Config, circuit: &str, step: CircuitStep) -> Result<CircuitEdit, ApiError> {
    let part = |part, name, keys: Option<CircuitKeys>| match keys {
        Some(CircuitKeys(keys)) => CircuitEdit::SetPart(part, name, keys),
        None => CircuitEdit::RemovePart(part, name),
    };
    Ok(match step {
        CircuitStep::New { keys: CircuitKeys(mut keys) } => {
            keys.remove("name");
            keys.entry("service_key").or_insert_with(|| uuid::Uuid::new_v4().to_string().into());
            keys.entry("provisioning").or_insert(Provisioning::NotProvisioned.as_str().into());
            CircuitEdit::Add(keys)
        }
        CircuitStep::Provision { primary, secondary, s_tag, secondary_s_tag, begin } => {
            let wish = Wish { primary, secondary, s_tag, secondary_s_tag };
            CircuitEdit::Set(provisioned(config, circuit, &wish, begin)?)
        }
        CircuitStep::Deprovision => CircuitEdit::Set(deprovisioned(config, circuit)?),
        CircuitStep::Peering { kind, keys } => part(CircuitPart::Peering, kind, keys),
        CircuitStep::Link { vnet, keys } => part(CircuitPart::VnetLink, vnet, keys),
        CircuitStep::Delete => CircuitEdit::Remove,
    })
}

/// The keys of a circuit whose provider has begun, or is done. Tags and ports that it got at the begin stay, unless the request has others.
fn provisioned(
    config: &Config,
    circuit: &str,
    wish: &Wish,
    begin: bool,
) -> Result<EditKeys, ApiError> {
    let known = config.circuits.iter().find(|known| known.name == circuit);
    let known = known.ok_or_else(|| ApiError::no_circuit(circuit))?;
    let conflict = |error: String| ApiError::new(StatusCode::CONFLICT, error, None);
    let now = known.provisioning;
    if now == Provisioning::Provisioned || (begin && now == Provisioning::Provisioning) {
        let error =
            format!("circuit {circuit:?} is {:?} already, and nothing was changed", now.as_str());
        return Err(conflict(error));
    }
    let mut keys = EditKeys::new();
    if known.s_tag.is_none() || *wish != Wish::default() {
        let allocation = config::allocate(config, circuit, wish)
            .map_err(|error| conflict(format!("{error}; nothing was changed")))?;
        keys.insert("s_tag".to_owned(), json!(allocation.s_tag));
        keys.insert("secondary_s_tag".to_owned(), json!(allocation.secondary_s_tag));
        keys.insert("ports".to_owned(), json!(allocation.ports));
    }
    let next =
        if begin { json!(Provisioning::Provisioning) } else { json!(Provisioning::Provisioned) };
    keys.insert("provisioning".to_owned(), next);
    Ok(keys)
}

/// The keys of a circuit whose provider has disconnected it.
fn deprovisioned(config: &Config, circuit: &str) -> Result<EditKeys, ApiError> {
    let known = config.circuits.iter().find(|known| known.name == circuit);
    let known = known.ok_or_else(|| ApiError::no_circuit(circuit))?;
    let conflict = |error: String| ApiError::new(StatusCode::CONFLICT, error, None);
    if known.provisioning == Provisioning::NotProvisioned {
        let now = known.provisioning.as_str();
        let error = format!("circuit {circuit:?} is {now:?} already, and nothing was changed");
        return Err(conflict(error));
    }
    let peerings = known.peerings.iter().map(|peering| {
        let kind = peering.kind.as_str();
        format!("its {kind} peering (`edge circuit peering {circuit} {kind} --remove`)")
    });
    let links = known.vnet_links.iter().map(|link| {
        let vnet = &link.vnet;
        format!("its link to {vnet:?} (`edge circuit link {circuit} {vnet} --remove`)")
    });
    let in_the_way: Vec<String> = links.chain(peerings).collect();
    if !in_the_way.is_empty() {
        let first = in_the_way.join(", ");
        let error = format!(
            "circuit {circuit:?} is in use; remove {first} before its tags and ports; nothing was changed"
        );
        return Err(conflict(error));
    }
    let mut keys = EditKeys::new();
    for key in ["s_tag", "core_s_tag", "ports"] {
        keys.insert(key.to_owned(), json!(null));
    }
    keys.insert("provisioning".to_owned(), json!(Provisioning::NotProvisioned));
    Ok(keys)
}
