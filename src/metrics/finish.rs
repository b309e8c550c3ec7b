//! The end of a run: what was observed becomes an [`Outcome`].

use crate::cluster::spec::Role;
use crate::cluster::{Cluster, Pod, PodId};
use crate::engine::Time;
use crate::outcome::{Outcome, PodRow, Run, Series, Workload as WorkloadRow};

use super::availability::availability;
use super::capacity::{Capacity, PPM};
use super::gpus::Gpus;
use super::recovery::Faults;
use super::series::Recorder;
use super::workloads::Workload;
use super::{ALL, Finished, Metrics, Rows, layout};

impl Metrics {
    /// Ends the run at `cluster.now`.
    pub fn finish(mut self, cluster: &Cluster, run: Run) -> Outcome {
        let end = cluster.now;
        self.examine_incidents(cluster);
        let blame = self.incidents.blame_until(end, &mut self.workloads);
        self.works.finish(|pod| self.workloads.tracked(pod).workload, cluster);
        let incidents = self.incidents.finish(
            end,
            &mut self.workloads,
            |workloads, workload| layout(workload, workloads, &self.capacity),
            |pod| self.last_words.get(&pod).cloned(),
        );
        self.workloads.list.iter_mut().for_each(|workload| workload.objectives.end(end));
        let placed = self.workloads.placed.by_workload(self.workloads.list.len());
        let finished = Finished {
            end,
            cluster,
            workloads: &self.workloads.list,
            ready_nodes: &self.workloads.ready_nodes,
            placed: &placed,
            incidents: &incidents,
            faults: Faults::among(&incidents, &self.workloads.list),
            blame: &blame,
            actions: &self.actions,
            churn: &self.churn,
            collateral: &self.collateral,
            ghosts: &self.ghosts,
            works: &self.works,
            jobs: &self.jobs,
            convergence: self.convergence.as_ref(),
            latency: &self.latency,
            capacity: &self.capacity,
            gpus: &self.gpus,
            nodes: &self.nodes,
            domains: &self.domains,
        };
        let mut metrics = Vec::new();
        for metric in ALL {
            let mut rows = Rows { name: metric.name, unit: metric.unit, rows: Vec::new() };
            (metric.read)(&finished, &mut rows);
            metrics.append(&mut rows.rows);
        }
        let workloads = self.workloads.list.iter().map(|workload| workload_row(workload, &finished)).collect();
        let pods = cluster
            .pods()
            .map(|(id, pod)| {
                let workload = self.workloads.tracked(id).workload as usize;
                let label = self.workloads.list.get(workload).map_or("", |workload| &workload.label);
                let reason = self.last_words.get(&id).map_or("", |text| text);
                pod_row(id, pod, label, reason, cluster)
            })
            .collect();
        let mut series = workload_series(self.workloads.list, end);
        series.extend(cluster_series(self.capacity, end));
        if self.gpus.is_used() {
            let Gpus { requested_series, fragmentation_series, .. } = self.gpus;
            series.push(plain("gpu_requested_ratio", "ratio", requested_series, end, PPM as f64));
            series.push(plain("gpu_fragmentation_ratio", "ratio", fragmentation_series, end, PPM as f64));
        }
        series.push(plain("pods_pending", "pods", self.latency.pending_series, end, 1.0));
        series.push(plain("pods_unscheduled", "pods", self.latency.waiting_series, end, 1.0));
        let (nodes, node_series) = self.nodes.finish(cluster);
        series.extend(node_series);
        Outcome {
            run,
            duration: end.since(Time::ZERO),
            digest: self.digest.value(),
            changes: self.digest.changes(),
            arrivals: 0, // the simulation knows
            fault_trace: 0,
            idle_faults: Vec::new(),
            failed_expressions: Vec::new(),
            chaos: self.convergence,
            actions: self.actions,
            incidents,
            workloads,
            metrics,
            series,
            pods,
            unserved: Vec::new(),
            nodes,
            expectations: Vec::new(),
        }
    }
}

fn workload_row(workload: &Workload, run: &Finished<'_>) -> WorkloadRow {
    WorkloadRow {
        label: workload.label.to_string(),
        kind: workload.kind.to_string(),
        namespace: workload.namespace.clone(),
        created: workload.created,
        desired: workload.desired.value() as u32,
        serving: workload.serving.value() as u32,
        lowest: workload.lowest.map(|lowest| lowest as u32),
        unavailable_pod_nanos: workload.unavailable.area_at(run.end),
        availability_ppm: availability(workload, run).map(|ratio| (ratio * PPM as f64).round() as i64),
    }
}

fn pod_row(id: PodId, pod: &Pod, workload: &str, reason: &str, cluster: &Cluster) -> PodRow {
    let spec = cluster.spec(pod.spec);
    let containers = spec.containers.iter().filter(|container| container.role != Role::Init).count() as u32;
    let ready = if pod.containers_ready { containers } else { 0 };
    PodRow {
        namespace: cluster.names.text(spec.namespace).to_string(),
        name: cluster.pod_name(id),
        workload: workload.to_string(),
        containers: (ready, containers),
        status: pod.status(),
        restarts: pod.restarts,
        node: pod.bound_node().map_or(String::new(), |node| cluster.node_name(node).to_string()),
        created: pod.created_at,
        bound: pod.bound_at,
        ready: pod.ready.then_some(pod.ready_at),
        cpu_milli: spec.requests.cpu,
        memory_bytes: spec.requests.memory,
        reason: reason.to_string(),
    }
}

fn workload_series(workloads: Vec<Workload>, end: Time) -> Vec<Series> {
    let mut all = Vec::new();
    for workload in workloads {
        let Some(series) = workload.series else { continue };
        let labels = vec![("workload", workload.label.to_string())];
        let named = [("pods_desired", series.desired), ("pods_serving", series.serving), ("pods_ready", series.ready)];
        for (name, recorder) in named {
            let points = recorder.points(end, 1.0);
            all.push(Series { name, unit: "pods", labels: labels.clone(), points });
        }
    }
    all
}

fn cluster_series(capacity: Capacity, end: Time) -> Vec<Series> {
    let ppm = PPM as f64;
    vec![
        plain("nodes_ready", "nodes", capacity.nodes_series, end, 1.0),
        plain("cpu_requested_ratio", "ratio", capacity.cpu_series, end, ppm),
        plain("memory_requested_ratio", "ratio", capacity.memory_series, end, ppm),
        plain("node_imbalance_ratio", "ratio", capacity.imbalance_series, end, ppm),
        plain("fragmentation_ratio", "ratio", capacity.fragmentation_series, end, ppm),
    ]
}

fn plain(name: &'static str, unit: &'static str, recorder: Recorder, end: Time, scale: f64) -> Series {
    Series { name, unit, labels: Vec::new(), points: recorder.points(end, scale) }
}
